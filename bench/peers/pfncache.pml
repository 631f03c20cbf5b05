/* The twin of pfncache() in ../explore/models.ts, step by step. R refreshes, each followed by a use, I invalidations.
   Each page has one reference, of its mapping.
   -DBUG: the sequence does not move. */
byte seq, count, lock, valid, pfn;
byte pte = 1;
byte refs[I + 2] = 1;

#ifdef BUG
#define MOVE skip
#else
#define MOVE seq++
#endif

active proctype kernel() {
	byte s, p, k;
end_start:
	if :: d_step { k < R && lock == 0 -> lock = 1 } fi;
retry:
	if :: d_step { valid = 0; lock = 0; s = seq } fi;
	if
	:: d_step { pte == 0 -> s = 0 }; goto use
	:: d_step { pte != 0 -> p = pte; refs[p]++ }
	fi;
	d_step { lock == 0 -> lock = 1 };
	if
	:: d_step { count != 0 -> refs[p]--; s = 0; p = 0 }; goto retry
	:: d_step { count == 0 -> skip }
	fi;
	if
	:: d_step { seq != s -> refs[p]--; s = 0; p = 0 }; goto retry
	:: d_step { seq == s -> refs[p]--; valid = 1; pfn = p; lock = 0; s = 0; p = 0 }
	fi;
use:
	if :: d_step { lock == 0 -> assert(!(valid == 1 && refs[pfn] == 0)); k++ } fi;
	goto end_start
}

active proctype mm() {
	byte k;
end_start:
	if :: d_step { k < I -> count++ } fi;
	d_step { lock == 0 -> valid = 0 };
	d_step { pte = 0 };
	d_step { MOVE };
	d_step { count-- };
	d_step { refs[k + 1]-- };
	d_step { pte = k + 2; k++ };
	goto end_start
}
