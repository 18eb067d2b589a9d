import { DARK, LIGHT, type Theme } from "./palette.ts";
import { STATES } from "./states.ts";

const FONT =
  'Inter,"Segoe UI",system-ui,-apple-system,"Helvetica Neue","Open Sans","Noto Sans",sans-serif';

/** The page's whole style: light, dark by the reader's own choice, and black on white on paper. */
export function pageStyle(): string {
  return [
    `:root{color-scheme:light dark;${variables(LIGHT)}}`,
    `@media screen and (prefers-color-scheme:dark){:root{${variables(DARK)}}}`,
    BASE,
    STATES.map(
      (state) =>
        `.fill-${state}{fill:var(--${state})}.mark-${state}{stroke:var(--${state});fill:none}`,
    ).join(""),
    STATES.map((state) => `#p-${state}>rect:not(.ground-paper){fill:var(--${state})}`).join(""),
    PICTURES,
    `@media screen and (max-width:960px){${MIDDLE}}`,
    `@media (max-width:640px){${NARROW}}`,
    `@media print{${PRINT}}`,
  ].join("");
}

function variables({ states, ...theme }: Theme): string {
  const names = { ...theme, ...states };
  return Object.entries(names)
    .map(([name, value]) => `--${name}:${value}`)
    .join(";");
}

const BASE = `
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 ${FONT};font-variant-numeric:tabular-nums lining-nums}
.page{max-width:1080px;margin:0 auto;padding:40px 32px 64px}
a{color:var(--link)}
.skip{position:absolute;left:-9999px}
.skip:focus{left:16px;top:8px;background:var(--paper);padding:4px 12px;z-index:1}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.kicker{margin:0 0 4px;color:var(--muted);font-size:14px}
h1{font-size:34px;line-height:1.2;letter-spacing:-.015em;font-weight:650;margin:0 0 20px}
h2{font-size:22px;line-height:1.3;letter-spacing:-.01em;font-weight:650;margin:0 0 6px}
h3{font-size:16px;margin:32px 0 8px;font-weight:650}
section{margin-top:56px}
.lead{margin:0 0 18px;color:var(--muted);max-width:70ch}
.note{margin:12px 0 0;color:var(--muted);font-size:14px;max-width:76ch}
small{font-size:13px;color:var(--muted);font-weight:400}
.simulated{margin:0 0 28px;padding:10px 16px;border:1px solid var(--alarm);border-left-width:6px;background:var(--alarmGround);color:var(--alarm);font-size:15px}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(400px,1fr));gap:8px 40px;margin:0;border-top:1px solid var(--rule);padding-top:16px}
.facts div{display:flex;gap:12px}
.facts dt{flex:0 0 76px;color:var(--muted);font-size:14px;line-height:24px}
.facts dd{margin:0;font-size:15px;overflow-wrap:anywhere;min-width:0}
code{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:13px;overflow-wrap:anywhere}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:2px 20px;margin:24px 0 0;padding:10px 0;border-block:1px solid var(--rule);font-size:14px}
nav a{text-decoration:none;display:inline-block;padding:2px 0}
nav a:hover{text-decoration:underline}
.cards{display:grid;grid-auto-flow:column;grid-auto-columns:minmax(auto,1fr);gap:16px 28px;margin:16px 0 28px}
.cards div{border-top:2px solid var(--ink);padding-top:10px}
.cards dt{font-size:14px;color:var(--muted)}
.cards dd{margin:0}
.cards .big{white-space:nowrap;font-size:32px;line-height:1.25;font-weight:600;letter-spacing:-.02em}
.cards .big small{font-size:16px;font-weight:500;letter-spacing:0}
.cards .note{font-size:14px;margin:2px 0 0}
figure{margin:0}
figcaption{font-size:14px;color:var(--muted);margin-top:8px}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;margin:8px 0 0;padding:0;color:var(--ink);font-size:14px}
.state{display:inline-flex;align-items:center;gap:8px;white-space:nowrap}
th .state{font-weight:600}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:15px}
caption{text-align:left;color:var(--muted);font-size:14px;padding:0 0 6px}
th,td{text-align:left;padding:9px 0 9px 20px;vertical-align:top;border-bottom:1px solid var(--rule);font-weight:400}
th:first-child,td:first-child{padding-left:0}
thead th{font-size:13px;color:var(--muted);padding-block:6px;border-bottom:1px solid var(--ink);vertical-align:bottom;line-height:1.3}
tbody th{font-weight:500;overflow-wrap:anywhere;min-width:120px}
tbody th small{display:block}
tfoot th,tfoot td{font-weight:650;border-bottom:0;border-top:1px solid var(--ink)}
tbody tr:last-child>*{border-bottom:0}
.figure{text-align:right;white-space:nowrap}
td .mix{margin-top:5px;min-width:120px}
.absent{color:var(--muted)}
.short{display:none}
abbr{text-decoration:none}
details{margin-top:14px}
summary{cursor:pointer;color:var(--link);font-size:14px;padding:4px 0}
details[open] summary{margin-bottom:8px}
.equation{list-style:none;display:flex;flex-wrap:wrap;gap:12px 22px;margin:0 0 20px;padding:16px 20px;background:var(--tint)}
.equation li{display:grid;grid-template-columns:auto auto;column-gap:18px}
.equation b{font-weight:600;font-size:17px}
.equation small{grid-column:-2}
.equation .sign{color:var(--muted);grid-row:1/3;align-self:center;font-size:20px}
.policy ul{margin:0;padding-left:20px;font-size:15px;max-width:76ch}
.policy li{margin:2px 0}
footer{margin-top:64px;border-top:1px solid var(--rule);padding-top:16px;color:var(--muted);font-size:14px}
footer p{margin:0 0 6px;max-width:76ch}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
`;

const PICTURES = `
svg{display:block}
svg text{font-size:12px;fill:var(--muted)}
.definitions{position:absolute}
.mark-paper{stroke:var(--paper);fill:none;stroke-opacity:.75}
.ground-paper{fill:var(--paper)}
.edge{stroke:var(--muted);stroke-width:1;stroke-opacity:.6}
.swatch{flex:none}
.part{stroke:var(--paper);stroke-width:.5}
.grid{stroke:var(--rule)}
.base,.tick{stroke:var(--muted)}
.unit{font-size:12px;color:var(--muted);width:48px;padding-right:6px;text-align:right}
.plot{display:grid;grid-template-columns:48px 1fr}
.chart .legend{padding-left:48px}
.axis,.strip,.bars,.mix{overflow:visible}
.map{table-layout:fixed;font-size:14px}
.map th,.map td{border:0;padding:0 0 2px;vertical-align:middle;line-height:1.2}
.map tbody th{min-width:0;color:var(--ink);white-space:nowrap;overflow:hidden}
.map-name{width:76px}
.map tbody th small{display:block;font-size:11px}
.heat figcaption{margin-top:14px}
.zone{font-size:12px;color:var(--muted)}
.use-1{opacity:.32}
.use-2{opacity:.56}
.use-3{opacity:.78}
.use-4{opacity:1}
`;

/** Five figures as three and two; tables with less air. */
const MIDDLE = `
.cards-5{grid-auto-flow:row;grid-template-columns:repeat(3,1fr)}
th,td{padding-left:12px}
thead .figure{white-space:normal}
tbody th{min-width:104px}
td .mix{min-width:72px}
`;

const NARROW = `
.page{padding:20px 16px 40px}
h1{font-size:26px}
h2{font-size:20px}
section{margin-top:44px}
.wide{display:none}
.short{display:inline}
#labels th small{display:none}
.facts{grid-template-columns:1fr}
.cards{grid-auto-flow:row;grid-template-columns:1fr 1fr;gap:18px 16px}
.cards div:first-child{grid-column:1/-1}
.cards .big{font-size:26px}
.cards div:first-child .big{font-size:34px}
table{font-size:14px}
th,td{padding-left:10px}
tbody th{min-width:92px}
thead th{font-size:12px}
thead .figure{white-space:normal}
tbody th small{line-height:1.35}
.plot{grid-template-columns:38px 1fr}
.y-axis{margin-left:-10px}
.unit{width:38px}
.chart .legend{padding-left:0}
.map-name{width:54px}
.stacked,.stacked tbody,.stacked tfoot,.stacked tr,.stacked th,.stacked td,.stacked caption{display:block}
.stacked thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.stacked tr{padding:8px 0;border-bottom:1px solid var(--rule)}
.stacked tfoot tr{border-bottom:0;border-top:1px solid var(--ink)}
.stacked th,.stacked td{padding:1px 0;border:0}
.stacked td{display:flex;justify-content:space-between;gap:12px}
.stacked td:empty{display:none}
.stacked td::before{content:attr(data-heading);color:var(--muted);font-weight:400}
.equation{padding:12px 14px}
`;

const PRINT = `
@page{size:A4;margin:14mm 13mm}
:root{color-scheme:light;--paper:#fff;--tint:#fff;--ink:#000;--muted:#333;--rule:#999;--link:#000;--alarm:#000;--alarmGround:#fff}
body{font-size:9.5pt;line-height:1.4;print-color-adjust:exact;-webkit-print-color-adjust:exact}
.page{max-width:none;padding:0}
nav,.skip{display:none}
section{margin-top:20pt}
h1{font-size:20pt;margin-bottom:10pt}
h2{font-size:13pt;margin-bottom:3pt}
h3{font-size:10.5pt;margin-top:14pt}
h2,h3,caption,.lead,summary{break-after:avoid}
.lead{margin-bottom:8pt}
small,caption,thead th,.note,.cards .note,.legend,figcaption,.kicker,footer,summary{font-size:8pt}
table,.map,.facts dd,.facts dt,.simulated{font-size:8.5pt}
.facts{grid-template-columns:1fr 1fr;gap:2pt 18pt;padding-top:8pt}
.facts dt{line-height:1.4;flex-basis:48pt}
th,td{padding:3pt 0 3pt 8pt}
tbody th{min-width:80pt}
tr,figure,.cards div,.equation{break-inside:avoid}
thead{display:table-header-group}
.scroll{overflow:visible}
thead .figure{white-space:normal}
.cards{gap:6pt 12pt;margin:8pt 0 14pt}
.cards .big{font-size:15pt}
.cards .big small{font-size:9pt}
.equation{border:1px solid #999;padding:8pt}
.equation b{font-size:10pt}
summary{color:#000;list-style:none}
details::details-content{content-visibility:visible;block-size:auto}
`;
