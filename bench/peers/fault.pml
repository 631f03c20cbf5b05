/* The twin of fault() in ../explore/models.ts, step by step. V vCPUs with one fault each, I invalidations.
   -DBUG: a fault does not look whether the sequence has moved. */
byte seq, inprog, lock;
byte pte = 1;
byte spte;

#ifdef BUG
#define STALE (inprog > 0)
#else
#define STALE (inprog > 0 || s != seq)
#endif
#define JUDGE assert(!(pte == 0 && spte != 0 && inprog == 0))

active [V] proctype vcpu() {
	byte s, p, again;
retry:
	if :: d_step { s = seq; again = 0 } fi;
	if
	:: d_step { pte == 0 -> s = 0 }; goto end_done
	:: d_step { pte != 0 -> p = pte }
	fi;
	d_step { lock == 0 -> lock = _pid + 1 };
	d_step { if :: STALE -> again = 1 :: else -> spte = p; JUDGE fi };
	if
	:: d_step { again == 1 -> lock = 0; s = 0; p = 0; again = 0 }; goto retry
	:: d_step { again == 0 -> lock = 0; s = 0; p = 0 }
	fi;
end_done:
	false
}

active proctype inval() {
	byte k;
end_start:
	if :: d_step { k < I && lock == 0 -> lock = 9 } fi;
	d_step { inprog++; spte = 0; lock = 0 };
	d_step { pte = 0; JUDGE };
	d_step { lock == 0 -> lock = 9 };
	d_step { seq++; inprog--; lock = 0; JUDGE };
	d_step { pte = 2; k++ };
	goto end_start
}
