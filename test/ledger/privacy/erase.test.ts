import { describe, expect, it } from "vitest";
import { createHash } from "node:crypto";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { Ledger } from "../../../src/ledger/contract.ts";
import { BatchRejected } from "../../../src/ledger/rejected.ts";
import { gpu, opened, slice, tempDir } from "../fixtures/make.ts";
import { batchOf, erasure, knownOwner, knownProcess, ofOwner, tracesOf } from "./records-of.ts";

const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
const name = "alicezx";

async function delivered(ledger: Ledger): Promise<void> {
  for (const { id, endpoint } of await ledger.due(1e9, 10_000))
    await ledger.settle(id, endpoint, { state: "delivered", atMs: 1 });
}

async function everything(ledger: Ledger): Promise<string> {
  const parts = await Promise.all([
    ledger.slices(all),
    ledger.segments(all),
    ledger.usage(all),
    ledger.owners(),
    ledger.processes({ toMs: 1e12, limit: 1000 }),
    ledger.contexts({ ...all, limit: 1000 }),
    ledger.incidents({}),
    ledger.acts({}),
  ]);
  return JSON.stringify(parts);
}

describe("an owner who is erased", () => {
  it("is nowhere in the file, and his sums are what they were", async () => {
    const stateDir = tempDir();
    const ledger = await opened({ stateDir });
    await ledger.append(batchOf(name));
    await ledger.append(batchOf("bobyzx", "GPU-b"));
    await delivered(ledger);
    const sums = await ledger.usage(all);
    const of = (user: string): string[] =>
      sums.map((row) => JSON.stringify(row)).filter((row) => row.includes(user));
    expect(Object.keys(tracesOf(stateDir, name)).length).toBeGreaterThan(0);
    await ledger.append({ acts: [erasure(ofOwner(`user:${name}`))] });
    expect(tracesOf(stateDir, name)).toEqual({});
    expect(await everything(ledger)).not.toContain(name);
    const after = (await ledger.usage(all)).map((row) => JSON.stringify(row));
    const tag = "erased-5";
    expect(after.filter((row) => row.includes(tag)).sort()).toEqual(
      of(name)
        .map((row) => row.replaceAll(name, tag))
        .sort(),
    );
    expect(after.filter((row) => row.includes("bobyzx")).sort()).toEqual(of("bobyzx").sort());
  });

  it("keeps of his processes their numbers, and of his owners that there were such", async () => {
    const ledger = await opened();
    await ledger.append(batchOf(name));
    await ledger.append({ acts: [erasure(ofOwner(`user:${name}`))] });
    const [process] = await ledger.processes({ toMs: 1e12, limit: 10, ownerKey: "user:erased-3" });
    expect(process).toEqual({
      node: "node-1",
      pid: 100,
      startTimeMs: 5,
      gpuUuids: ["GPU-a"],
      ownerKey: "user:erased-3",
      ppid: 1,
      firstSeenMs: 0,
    });
    expect(
      (await ledger.owners()).map(({ key, proven, declared }) => [key, proven, declared]),
    ).toEqual([
      ["job:slurm:erased-3/4711", {}, {}],
      ["user:erased-3", {}, {}],
    ]);
  });

  it("is named in the act by digests of what stands there now", async () => {
    const stateDir = tempDir();
    const ledger = await opened({ stateDir });
    await ledger.append(batchOf(name));
    const reason = `${name} asked for it, letter of May`;
    await ledger.append({ acts: [erasure(ofOwner(`user:${name}`), { reason })] });
    const [act] = await ledger.acts({ kind: "erasure" });
    expect(act).toMatchObject({ reason: "erased-3 asked for it, letter of May", by: "root" });
    expect(act).not.toHaveProperty("select");
    const db = new Database(join(stateDir, "ledger.sqlite"), { readonly: true });
    const erased = act?.kind === "erasure" ? act.erased : [];
    expect(new Set(erased.map(({ table }) => table))).toEqual(
      new Set([
        "owners",
        "owner_states",
        "processes",
        "contexts",
        "incident_states",
        "acts",
        "evidence",
      ]),
    );
    for (const { table, row, digest } of erased) {
      const column = table === "owners" ? "key" : "json";
      const found = db
        .prepare(`SELECT ${column} AS value, salt, erased FROM ${table} WHERE rowid = ?`)
        .get(row) as { value: string; salt: unknown; erased: number };
      expect(createHash("sha256").update(found.value).digest("hex")).toBe(digest);
      expect(found).toMatchObject({ salt: null, erased: act?.sequence });
    }
    db.close();
  });

  it("can be erased only once; an erasure that is handed over twice is done once", async () => {
    const ledger = await opened();
    await ledger.append(batchOf(name));
    const act = erasure(ofOwner(`user:${name}`));
    await ledger.append({ acts: [act] });
    await ledger.append({ acts: [act] });
    expect(await ledger.acts({ kind: "erasure" })).toHaveLength(1);
    const again = ledger.append({ acts: [erasure(ofOwner(`user:${name}`), { id: "e-2" })] });
    await expect(again).rejects.toThrow(/holds nothing of that owner/);
    await expect(again).rejects.toThrow(BatchRejected);
    await expect(again).rejects.not.toThrow(new RegExp(name));
  });

  it("may come again, as somebody new", async () => {
    const ledger = await opened();
    await ledger.append(batchOf(name));
    await ledger.append({ acts: [erasure(ofOwner(`user:${name}`))] });
    await ledger.append({ slices: [slice({ fromMs: 10_000, owner: { kind: "user", id: name } })] });
    const keys = (await ledger.usage(all)).map(({ ownerKey }) => ownerKey).sort();
    expect(keys).toEqual(
      ["idle:user:erased-3", "job:slurm:erased-3/4711", `user:${name}`, "user:erased-3"].sort(),
    );
    await ledger.append({ acts: [erasure(ofOwner(`user:${name}`), { id: "e-2" })] });
    expect((await ledger.usage(all)).map(({ ownerKey }) => ownerKey)).toContain("user:erased-4");
  });

  it("leaves those alone whose name has his in it, or is a word of ours", async () => {
    const stateDir = tempDir();
    const ledger = await opened({ stateDir });
    const others = ["alicezx-dev", "malicezx", "svc.alicezx"];
    for (const [i, other] of others.entries()) await ledger.append(batchOf(other, `GPU-${i}`));
    await ledger.append({
      slices: [
        slice({ gpuUuid: "GPU-0", fromMs: 10_000, owner: { kind: "pod", id: `${name}/nb` } }),
      ],
    });
    const before = await everything(ledger);
    await ledger.append({ gpus: [gpu("GPU-z")], processes: [knownProcess(name)] });
    await ledger.append({ acts: [erasure(ofOwner(`user:${name}`))] });
    const after = await everything(ledger);
    for (const other of [...others, `pod:${name}/nb`])
      expect(after.split(other).length).toBe(before.split(other).length);
    // A person called like a word that the program writes himself.
    await ledger.append(batchOf("job", "GPU-y"));
    await ledger.append({ acts: [erasure(ofOwner("user:job"), { id: "e-2" })] });
    const keys = (await ledger.usage(all)).map(({ ownerKey }) => ownerKey);
    expect(keys).toContain(`job:slurm:${others[0]}/4711`);
    expect(keys.filter((key) => key.startsWith("user:")).sort()).toHaveLength(4);
    expect(keys).not.toContain("user:job");
  });

  it("may be a job or a container; a line that is nobody's cannot be erased", async () => {
    const ledger = await opened();
    await ledger.append(batchOf(name));
    await ledger.append({ acts: [erasure(ofOwner(`job:slurm:${name}/4711`))] });
    const keys = (await ledger.usage(all)).map(({ ownerKey }) => ownerKey).sort();
    expect(keys).toEqual([`idle:user:${name}`, "job:erased-3", `user:${name}`]);
    for (const key of ["idle", `idle:user:${name}`, "agent", "unobserved", "nonsense", ""])
      await expect(
        ledger.append({ acts: [erasure(ofOwner(key), { id: `e-${key}` })] }),
      ).rejects.toThrow(/no owner/);
  });
});

describe("an erasure up to a time", () => {
  it("takes older records, and the line of the bill only where it does not go on", async () => {
    const stateDir = tempDir();
    const ledger = await opened({ stateDir });
    await ledger.append(batchOf(name));
    await ledger.append({ ...batchOf(name, "GPU-a", 50_000) });
    await ledger.append({ acts: [erasure(ofOwner(`user:${name}`, 50_000))] });
    const owners = (await ledger.usage(all)).map(({ ownerKey }) => ownerKey);
    expect(owners).toContain(`user:${name}`);
    expect(await ledger.processes({ toMs: 50_000, limit: 9 })).toMatchObject([{ pid: 100 }]);
    expect(JSON.stringify(await ledger.processes({ toMs: 50_000, limit: 9 }))).not.toContain(name);
    expect(JSON.stringify(await ledger.processes({ toMs: 50_001, limit: 1 }))).toContain(name);
    await ledger.append({ acts: [erasure(ofOwner(`user:${name}`, 50_002), { id: "e-2" })] });
    await delivered(ledger);
    // The newest record is of 50,001, and no slice begins after it.
    expect(await everything(ledger)).not.toContain(`user:${name}`);
  });
});

describe("names in many rows", () => {
  it("leave no copy where rows moved between pages, nor in the log, with names of any length", async () => {
    const stateDir = tempDir();
    const ledger = await opened({ stateDir });
    const user = "zqy";
    for (let i = 0; i < 40; i++) {
      const owners = Array.from({ length: 50 }, (_, k) =>
        knownOwner({ kind: "unit", id: `${user}/unit-${(i * 7919 + k * 104_729) % 10_007}` }),
      );
      const processes = Array.from({ length: 50 }, (_, k) =>
        knownProcess(user, {
          pid: i * 50 + k,
          ownerKey: owners[k]?.key ?? "",
          command: "x ".repeat(k * 5),
        }),
      );
      const text = `${user} `.repeat(10 + (i % 3));
      const slices = owners.slice(0, 10).map(({ owner }, k) => {
        const evidence = [
          { family: "host", feature: `f${k}`, value: i, text, weights: {} },
        ] as const;
        return slice({ owner, fromMs: i * 10_000, timeMs: 1000, evidence });
      });
      await ledger.append({ gpus: [gpu()], owners, processes, slices });
    }
    await ledger.append({ acts: [erasure(ofOwner(`user:${user}`))] });
    expect(tracesOf(stateDir, `${user} `)).toEqual({});
    expect(tracesOf(stateDir, `${user}/`)).toEqual({});
    expect(await ledger.acts({ kind: "erasure" })).toMatchObject([{ id: "e-1" }]);
  });
});
