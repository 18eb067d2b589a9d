/**
 * Draws docs/report.png: the head of the report page of a made-up fleet (the tests' example), as a
 * browser shows it. The data are simulated, and the picture says so.
 * Usage: npx tsx bench/demo/report-picture.ts
 */
import { fileURLToPath } from "node:url";
import { renderPage } from "../../src/bill/page/render.ts";
import { startBrowser } from "../../test/support/browser.ts";
import { examplePageData } from "../../test/support/example-page.ts";

const FILE = fileURLToPath(new URL("../../docs/report.png", import.meta.url));
/** As high as goes from the banner to the owners' table. */
const SIZE = { width: 1140, height: 1560 };

async function main(): Promise<void> {
  const html = renderPage(await examplePageData());
  const browser = await startBrowser();
  try {
    const page = await browser.newPage({ viewport: SIZE, colorScheme: "light" });
    await page.setContent(html);
    await page.screenshot({ path: FILE });
  } finally {
    await browser.close();
  }
}

await main();
