import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parsePriceList } from "../../../src/bill/price-list.ts";
import { readPageData } from "../../../src/bill/page/data.ts";
import { renderPage } from "../../../src/bill/page/render.ts";
import { startBrowser } from "../../support/browser.ts";
import { FLEET_PRICES } from "../../support/example-fleet.ts";
import { examplePageData } from "../../support/example-page.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { gpu, slice } from "../../support/slices.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WIDTHS = [360, 820, 1440];
const PATIENCE_MS = 60_000;

const started = await startBrowser().then(
  (browser) => ({ browser, why: undefined }),
  (error: unknown) => ({ browser: undefined, why: String(error).split("\n")[0] }),
);
const { why } = started;

const NAMES = [
  `user:<script>alert(1)</script>`,
  `user:"><img src=x onerror=alert(1)>`,
  `user:'; alert(1); '`,
  `user:</style><script>alert(2)</script>`,
  `user:\u202Eecila\u2066`,
  `user:${"x".repeat(10_000)}`,
  "user:=HYPERLINK(1)",
  "user:&lt;b&gt;",
];

/** What a page did that it must not. */
interface Deeds {
  dialogs: string[];
  requests: string[];
  said: string[];
}

async function opened(
  html: string,
  options: Parameters<Browser["newPage"]>[0] = {},
): Promise<{ page: Page; deeds: Deeds }> {
  if (!started.browser) throw new Error("no browser");
  const page = await started.browser.newPage(options);
  const deeds: Deeds = { dialogs: [], requests: [], said: [] };
  page.on("dialog", (dialog) => {
    deeds.dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  page.on("console", (message) => deeds.said.push(message.text()));
  page.on("pageerror", (error) => deeds.said.push(error.message));
  // Served, not set: so that nothing but the page's own policy and bytes decides.
  await page.route("**/*", async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === "/report.html") {
      await route.fulfill({ body: html, contentType: "text/html; charset=utf-8" });
      return;
    }
    deeds.requests.push(route.request().url());
    await route.abort();
  });
  await page.goto("http://report.test/report.html");
  return { page, deeds };
}

interface ShownTable {
  id: string;
  columns: { what: string; cells: string[]; total: string }[];
}

/** Runs inside the page: every table with a foot, its columns that say what they are. */
const READ_TABLES = `[...document.querySelectorAll("table")].filter((t) => t.tFoot).map((t) => ({
  id: t.id,
  columns: [...t.tFoot.querySelectorAll("[data-what]")].map((total) => ({
    what: total.dataset.what,
    total: total.textContent,
    cells: [...t.tBodies[0].querySelectorAll("[data-what=" + total.dataset.what + "]")].map((c) => c.textContent),
  })),
}))`;

/** Printed decimals as integers of the last place; what was not measured is nothing. */
function summed(cells: readonly string[], places: number): bigint {
  return cells.reduce((sum, cell) => sum + units(cell, places), 0n);
}

function units(text: string, places: number): bigint {
  const digits = text.replaceAll(",", "").replace("*", "");
  if (!/^\d+\.\d+$/.test(digits)) return 0n;
  expect(digits.split(".")[1]).toHaveLength(places);
  return BigInt(digits.replace(".", ""));
}

describe.skipIf(why !== undefined)(
  `the page in a browser${why ? ` (skipped: ${why})` : ""}`,
  () => {
    let html = "";
    let hostile = "";
    beforeAll(async () => {
      html = renderPage(await examplePageData());
      hostile = renderPage(await hostileData());
    }, PATIENCE_MS);
    afterAll(async () => started.browser?.close());

    it.each(["light", "dark"] as const)(
      "has no fault that axe finds, nor a page that scrolls sideways, in %s",
      async (colorScheme) => {
        const { page, deeds } = await opened(html, { colorScheme, bypassCSP: true });
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 900 });
          const scrolled = await page.evaluate("document.documentElement.scrollWidth");
          expect(scrolled).toBe(width);
          const tables = width === 360 ? "#sums" : "table";
          const cut = await page.evaluate(
            `[...document.querySelectorAll("${tables}")].filter((t) => t.parentElement.scrollWidth > t.parentElement.clientWidth).map((t) => t.id)`,
          );
          expect(cut, `${width} px`).toEqual([]);
          await page.evaluate(AXE);
          const faults: unknown = await page.evaluate(
            `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
            .then((r) => r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html.slice(0, 160)).slice(0, 3).join(" | ")))`,
          );
          expect(faults, `${width} px`).toEqual([]);
        }
        expect(deeds.requests).toEqual([]);
        await page.close();
      },
      PATIENCE_MS,
    );

    it("prints columns that sum to their totals, and the same totals in every table", async () => {
      const { page } = await opened(html, { javaScriptEnabled: true });
      const tables: ShownTable[] = await page.evaluate(READ_TABLES);
      const whole = ["by-owner", "by-state", "by-model", "by-gpu", "by-time"];
      expect(tables.map(({ id }) => id)).toEqual(expect.arrayContaining([...whole, "by-waste"]));
      const totals = new Map<string, Set<string>>();
      for (const { id, columns } of tables)
        for (const { what, cells, total } of columns) {
          const places = total.split(".")[1]?.length ?? 0;
          expect(summed(cells, places), `${id} ${what}`).toBe(units(total, places));
          if (whole.includes(id)) totals.set(what, (totals.get(what) ?? new Set()).add(total));
        }
      expect([...totals].map(([what, found]) => [what, found.size])).toEqual(
        [...totals.keys()].map((what) => [what, 1]),
      );
      expect([...totals.keys()].sort()).toEqual(["allocated", "energy", "hours", "money"]);
      const cards = await page.locator(".cards .big").allTextContents();
      expect(cards[0]).toBe(`EUR ${[...(totals.get("allocated") ?? [])][0]}`);
      await page.close();
    });

    it("says all of it without scripts, and asks the network for nothing", async () => {
      const { page, deeds } = await opened(html, { javaScriptEnabled: false });
      const headings = await page.locator("h2").allTextContents();
      expect(headings).toEqual([
        "In short",
        "What was wasted",
        "By owner",
        "By label",
        "By GPU model",
        "Over time",
        "The fleet’s day",
        "How sure the labels are",
        "What was not observed",
        "Prices used",
        "Does it add up?",
      ]);
      expect(await page.locator(".simulated").textContent()).toContain("SIMULATED");
      expect(await page.locator("svg.strip").count()).toBe(8);
      expect(deeds).toEqual({ dialogs: [], requests: [], said: [] });
      await page.close();
    });

    it("runs nothing that an owner is called, and shows the names as they are", async () => {
      const { page, deeds } = await opened(hostile, { viewport: { width: 360, height: 800 } });
      await page.locator("summary").first().click();
      expect(deeds).toEqual({ dialogs: [], requests: [], said: [] });
      expect(await page.locator("script, img, iframe, object, [onerror]").count()).toBe(0);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
      const names = await page.locator("#by-owner tbody th bdi").allTextContents();
      expect(names).toContain("<script>alert(1)</script>");
      expect(names).toContain("&lt;b&gt;");
      expect(names).toContain("\\u{202e}ecila\\u{2066}");
      expect(Math.max(...names.map((name) => name.length))).toBeLessThan(80);
      expect(hostile.length).toBeLessThan(300_000);
      await page.close();
    });

    it("lets nothing run that somebody puts into the file later", async () => {
      const { page, deeds } = await opened(
        html.replace("<main>", "<main><script>alert(1)</script>"),
      );
      expect(deeds.dialogs).toEqual([]);
      expect(deeds.said.join(" ")).toContain("Content Security Policy");
      await page.close();
    });

    it(
      "is whole on paper: nothing is cut off, and what is folded on a screen is open",
      async () => {
        // 210 mm less the margins, at 96 px an inch.
        const { page } = await opened(html, { viewport: { width: 695, height: 1000 } });
        await page.emulateMedia({ media: "print" });
        const cut: unknown =
          await page.evaluate(`[...document.querySelectorAll(".scroll, table, section")]
      .filter((e) => e.getBoundingClientRect().right > 696 || e.scrollWidth > e.clientWidth + 1)
      .map((e) => e.id || e.getAttribute("aria-label"))`);
        expect(cut).toEqual([]);
        expect(await page.locator("#by-time").isVisible()).toBe(true);
        expect(await page.locator("#stretches").isVisible()).toBe(true);
        const paper = await page.evaluate("getComputedStyle(document.body).backgroundColor");
        expect(paper).toBe("rgb(255, 255, 255)");
        const pdf = await page.pdf({ format: "A4", preferCSSPageSize: true });
        expect(pdf.subarray(0, 5).toString()).toBe("%PDF-");
        await page.close();
      },
      PATIENCE_MS,
    );

    it("can be gone through with the keyboard alone", async () => {
      const { page } = await opened(html);
      const reached = new Set<unknown>();
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press("Tab");
        reached.add(
          await page.evaluate("document.activeElement.className || document.activeElement.tagName"),
        );
      }
      expect([...reached]).toEqual(expect.arrayContaining(["skip", "A", "scroll", "SUMMARY"]));
      await page.close();
    });
  },
);

async function hostileData() {
  const slices = NAMES.map((name, i) =>
    slice("GPU-1", i * 10_000, (i + 1) * 10_000, name, "mining-like", {
      node: `<b onmouseover=alert(3)>`,
      simulated: true,
    }),
  );
  return readPageData({
    ledger: new MemoryLedger({
      gpus: [gpu("GPU-1", { node: "<b onmouseover=alert(3)>", model: "NVIDIA H100 <i>'\"" })],
      slices,
      gaps: [
        {
          node: "<b onmouseover=alert(3)>",
          source: "<s>",
          reason: `"><script>`,
          fromMs: 80_000,
          toMs: 90_000,
        },
      ],
    }),
    prices: parsePriceList(FLEET_PRICES.replaceAll("2026-01-01", "1970-01-01"), `<i>"prices`),
    window: { fromMs: 0, toMs: 90_000 },
    nowMs: 100_000,
    madeBy: "gpu-assay <x>",
  });
}
