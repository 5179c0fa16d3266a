/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads the library at run time, filters in threads, unloads it while the
 * threads live on and end, forks, and starts again: nothing of the library may
 * be called after it has gone.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define IPJIT_NO_INLINE
#include <ipjit/ipjit.h>

static uint32_t (*run)(const ipjit_filter *, const uint8_t *, uint32_t, uint32_t);
static ipjit_filter *filter;
static pthread_barrier_t barrier;

static void *thread(void *unused)
{
	static const uint8_t packet[64] = { [12] = 0x08 };

	(void)unused;
	for (int i = 0; i < 1000; i++)
		if (run(filter, packet, 64, 64) != 262144)
			abort();
	pthread_barrier_wait(&barrier); /* has filtered */
	pthread_barrier_wait(&barrier); /* library is gone */
	return NULL;
}

static void round_of(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	ipjit_filter *(*compile)(const char *, const ipjit_options *, ipjit_error *);
	void (*release)(ipjit_filter *);
	pthread_t threads[3];
	int status;

	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&compile = dlsym(library, "ipjit_compile_expression");
	*(void **)&release = dlsym(library, "ipjit_filter_free");
	*(void **)&run = dlsym(library, "ipjit_filter_run");
	filter = compile("ip", NULL, NULL);
	if (!filter)
		exit(1);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, thread, NULL);
	pthread_barrier_wait(&barrier);
	release(filter);
	dlclose(library);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	if (fork() == 0)
		_exit(0);
	wait(&status);
	if (status != 0)
		exit(1);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	pthread_barrier_init(&barrier, NULL, 4);
	for (int i = 0; i < 20; i++)
		round_of(argv[1]);
	printf("20 rounds\n");
	return 0;
}
