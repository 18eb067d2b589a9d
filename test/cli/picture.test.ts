import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { reservePicture } from "../../src/cli/picture.ts";
import { temporaryFolder } from "../support/temporary.ts";

const FORCE = true;
const HIDDEN = /^\.assay-picture-\d+-[0-9a-f]{8}$/;

function fresh(content?: string): { folder: string; file: string } {
  const folder = temporaryFolder("picture");
  const file = join(folder, "roofline.svg");
  if (content !== undefined) writeFileSync(file, content);
  return { folder, file };
}

describe("a picture's file", () => {
  it("is not there until the picture is in it, so a killed process leaves none", async () => {
    const { folder, file } = fresh();
    const picture = await reservePicture(file, false);
    expect(readdirSync(folder)).toEqual([expect.stringMatching(HIDDEN)]);
    // As after a kill: what is left over is in nobody's way.
    const next = await reservePicture(file, false);
    await next.write("<svg/>");
    expect(readFileSync(file, "utf8")).toBe("<svg/>");
    await picture.discard();
    expect(readdirSync(folder)).toEqual(["roofline.svg"]);
  });

  it.each([undefined, "old"])("is as it was (%s) where it is given up", async (content) => {
    const { folder, file } = fresh(content);
    const before = readdirSync(folder);
    await (await reservePicture(file, content !== undefined)).discard();
    expect(readdirSync(folder)).toEqual(before);
    if (content !== undefined) expect(readFileSync(file, "utf8")).toBe(content);
  });

  it("keeps what is written when it is discarded afterwards", async () => {
    const { folder, file } = fresh();
    const picture = await reservePicture(file, false);
    await picture.write("new");
    await picture.discard();
    expect(readdirSync(folder)).toEqual(["roofline.svg"]);
    expect(readFileSync(file, "utf8")).toBe("new");
  });

  it("is replaced in one step when forced, and keeps its mode", async () => {
    const { folder, file } = fresh("old and longer");
    chmodSync(file, 0o640);
    const picture = await reservePicture(file, FORCE);
    const { ino } = statSync(file);
    expect(readFileSync(file, "utf8")).toBe("old and longer");
    await picture.write("new");
    expect(readFileSync(file, "utf8")).toBe("new");
    expect(statSync(file).ino).not.toBe(ino);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(["roofline.svg"]);
  });

  it("that is a link stays one when forced", async () => {
    const { folder, file } = fresh("old");
    const link = join(folder, "link.svg");
    symlinkSync(file, link);
    await (await reservePicture(link, FORCE)).write("new");
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(file, "utf8")).toBe("new");
  });

  it.each(["a file", "a link to nowhere"])("is refused where %s is there already", async (what) => {
    const { folder, file } = fresh();
    if (what === "a file") writeFileSync(file, "precious");
    else symlinkSync(join(folder, "nowhere"), file);
    await expect(reservePicture(file, false)).rejects.toMatchObject({
      code: "cli/usage",
      place: file,
      hint: expect.stringContaining("--force"),
    });
    expect(readdirSync(folder)).toEqual(["roofline.svg"]);
  });

  it("that came while the work was done is not overwritten", async () => {
    const { folder, file } = fresh();
    const picture = await reservePicture(file, false);
    writeFileSync(file, "precious");
    await expect(picture.write("new")).rejects.toMatchObject({ code: "cli/usage", place: file });
    expect(readFileSync(file, "utf8")).toBe("precious");
    expect(readdirSync(folder)).toEqual(["roofline.svg"]);
  });

  it.each([
    ["", false],
    ["/nonexistent/x.svg", false],
    ["/tmp", FORCE],
    ["/tmp/", FORCE],
    [`/tmp/${"x".repeat(256)}`, false],
  ])("is refused before the work where nothing can be written to %j", async (file, force) => {
    await expect(reservePicture(file, force)).rejects.toMatchObject({
      code: "cli/usage",
      message: "the picture cannot be written",
      place: file,
    });
  });

  it("that is a device is written straight into when forced", async () => {
    await (await reservePicture("/dev/null", FORCE)).write("new");
    expect(lstatSync("/dev/null").isCharacterDevice()).toBe(true);
    expect(readdirSync("/dev").filter((name) => HIDDEN.test(name))).toEqual([]);
  });

  it.skipIf(process.platform !== "linux")(
    "that a full disk refuses is told (needs Linux's /dev/full)",
    async () => {
      const picture = await reservePicture("/dev/full", FORCE);
      await expect(picture.write("new")).rejects.toMatchObject({
        code: "cli/usage",
        hint: expect.stringContaining("ENOSPC"),
      });
    },
  );
});
