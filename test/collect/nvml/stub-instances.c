/* Part of stub.c: MIG instances, accounting, the newer call for the use of processes. */
