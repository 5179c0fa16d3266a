// SPDX-License-Identifier: BSD-2-Clause
// uint64_t guarded_call(guarded_call_frame* call): runs code on a stack of its own, with rubbish in
// every register and flag that carries no argument, and notes the callee-saved registers and rsp
// afterwards.  Offsets are those of guarded_call_frame:
//
//   0 entry  8 data  16 len  24 ctx  32 stack  40 rubbish
//   48 rsp after  56 rbx  64 rbp  72 r12  80 r13  88 r14  96 r15
asm(R"(
        .intel_syntax noprefix
        .text
        .globl guarded_call
        .type guarded_call, @function
guarded_call:
        push rbx
        push rbp
        push r12
        push r13
        push r14
        push r15
        mov [rip + saved_rsp], rsp
        mov [rip + saved_call], rdi
        mov rsp, [rdi + 32]
        mov rax, [rdi + 40]
        mov rcx, rax
        mov r8, rax
        mov r9, rax
        mov r10, rax
        lea rbx, [rax + 1]
        lea rbp, [rax + 2]
        lea r12, [rax + 3]
        lea r13, [rax + 4]
        lea r14, [rax + 5]
        lea r15, [rax + 6]
        mov rsi, [rdi + 16]
        mov rdx, [rdi + 24]
        mov r11, [rdi]
        mov rdi, [rdi + 8]
        mov rcx, rax
        and ecx, 0x8d5
        push rcx
        popfq
        mov rcx, rax
        call r11
        mov rdi, [rip + saved_call]
        mov [rdi + 48], rsp
        mov [rdi + 56], rbx
        mov [rdi + 64], rbp
        mov [rdi + 72], r12
        mov [rdi + 80], r13
        mov [rdi + 88], r14
        mov [rdi + 96], r15
        mov rsp, [rip + saved_rsp]
        pop r15
        pop r14
        pop r13
        pop r12
        pop rbp
        pop rbx
        ret
        .size guarded_call, . - guarded_call
        .local saved_rsp
        .comm saved_rsp, 8, 8
        .local saved_call
        .comm saved_call, 8, 8
        .att_syntax
)");
