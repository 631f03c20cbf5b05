import fc from "fast-check";
import { explore } from "/work/main/packages/interleave/src/index.js";
import { build, randomProgram } from "/work/main/packages/interleave/src/explore/testing/random-program.js";
import { bruteForce } from "/work/main/packages/interleave/src/explore/testing/brute-force.js";
import { appendFileSync, writeFileSync } from "node:fs";
const programs = fc.sample(randomProgram, {numRuns: Number(process.argv[2]), seed: Number(process.argv[3]??1)});
let t: Record<string, number> = {};
const timed = <T>(n:string, f:()=>T) => { const s=performance.now(); const r=f(); const d = performance.now()-s; t[n]=(t[n]??0)+d; if (d>1500) console.log('slow',n,d|0); return r; };
for (const [i,p] of programs.entries()) {
  writeFileSync('/tmp/cur.json', JSON.stringify(p));
  const {store,threads,final}=build(p);
  const all = timed('brute',()=>bruteForce(store,threads,final,1500)); if(!all) {t.large=(t.large??0)+1; continue;}
  for (const [n,o] of Object.entries({reduced:{}, plain:{sleepSets:false,fuse:false,remember:false}, nofuse:{fuse:false}, nosleep:{sleepSets:false}, traces:{method:"traces" as const,bounds:{depth:60,traces:2000, milliseconds: 4000}}})) {
    const b=build(p); const finals=new Set<string>();
    const r = timed(n,()=>explore(b.store,b.threads,{...o,stopAtFirst:false,minimize:false,atEnd:rs=>{finals.add(`${b.final()} ${JSON.stringify(rs)}`);return undefined}}));
    if (r.boundsHit.length) {t[n+'hit']=(t[n+'hit']??0)+1; continue;}
    const v=new Set<string>(); let live=0;
    for (const x of r.violations) if(x.kind==='livelock') live++; else v.add(`${x.kind}: ${x.message}`);
    const same=(a:ReadonlySet<string>,c:ReadonlySet<string>)=>a.size===c.size&&[...a].every(x=>c.has(x));
    if(!same(finals,all.finals)||!same(v,all.violations)||(live>0)!==(all.livelocks.size>0)) { console.log('DIFF',i,n,JSON.stringify(p)); console.log([...all.finals].filter(x=>!finals.has(x)).length,[...finals].filter(x=>!all.finals.has(x)).length,[...all.violations].filter(x=>!v.has(x)),[...v].filter(x=>!all.violations.has(x)),live,all.livelocks); t['diff'+n]=(t['diff'+n]??0)+1; }
  }
}
console.log(t);
