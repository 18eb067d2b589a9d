/* Part of stub.c: profiling counters, the driver's buffers, traffic, engines, health. */
