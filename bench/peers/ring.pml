/* The twin of ring() in ../explore/models.ts, step by step. V vCPUs, N pages (2 to 4), F faults each, I rounds.
   What a call has learnt is forgotten when it ends, as there. -DBUG: a fault does not look at inprog. */
byte seq, inprog, lock;
byte pte[N] = 1;
byte spte[N];

#ifdef BUG
#define FRESH (s == seq)
#else
#define FRESH (inprog == 0 && s == seq)
#endif

active [V] proctype vcpu() {
	byte g, s, p, k;
end_start:
	if
	:: d_step { k < F -> g = 0; s = seq }
	:: d_step { k < F -> g = 1; s = seq }
#if N > 2
	:: d_step { k < F -> g = 2; s = seq }
#endif
#if N > 3
	:: d_step { k < F -> g = 3; s = seq }
#endif
	fi;
	d_step { p = pte[g] };
	d_step { lock == 0 -> lock = _pid + 1 };
	d_step { if :: FRESH -> spte[g] = p :: else -> skip fi };
	d_step { lock = 0; g = 0; s = 0; p = 0; k++ };
	goto end_start
}

active proctype inval() {
	byte g, k;
end_start:
	if
	:: d_step { k < I && lock == 0 -> g = 0; lock = 9 }
	:: d_step { k < I && lock == 0 -> g = 1; lock = 9 }
#if N > 2
	:: d_step { k < I && lock == 0 -> g = 2; lock = 9 }
#endif
#if N > 3
	:: d_step { k < I && lock == 0 -> g = 3; lock = 9 }
#endif
	fi;
	d_step { inprog++; spte[g] = 0; lock = 0 };
	d_step { pte[g] = 0 };
	d_step { lock == 0 -> assert(spte[g] == 0); lock = 9 };
	d_step { seq++; inprog--; lock = 0 };
	d_step { pte[g] = 2; g = 0; k++ };
	goto end_start
}
