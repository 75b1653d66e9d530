/** A report as one HTML file: no script, no network, a strict policy; light, dark and on paper. */

import { createHash } from 'node:crypto'
import { Markup, markup } from './markup.ts'

const STYLE = `
:root { color-scheme: light dark; --page: #fff; --text: #1d2330; --dim: #5c6577; --line: #d6dbe4; --card: #f6f7fa;
  --read: #2c7a4b; --write: #1f6f8b; --destructive: #9a6700; --admin: #8038a8; --money: #c02626; --secrets: #9f1239; }
@media (prefers-color-scheme: dark) { :root { --page: #12151c; --text: #e4e8f0; --dim: #98a2b3; --line: #313846; --card: #1b202a;
  --read: #5fc88a; --write: #5cbcd9; --destructive: #e0b252; --admin: #c890ea; --money: #ff8080; --secrets: #ff8fa8; } }
@media print { :root { color-scheme: light; --page: #fff; --text: #000; --dim: #444; --line: #bbb; --card: #fff;
  --read: #2c7a4b; --write: #1f6f8b; --destructive: #9a6700; --admin: #8038a8; --money: #c02626; --secrets: #9f1239; }
  body { max-width: none; padding: 0; font-size: 10px; } .graph { max-width: 100%; height: auto; } section { break-inside: auto; } tr, li { break-inside: avoid; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 28px 24px 60px; background: var(--page); color: var(--text);
  font: 14px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 22px; line-height: 1.25; margin: 0 0 6px; } h2 { font-size: 16px; margin: 30px 0 8px; }
p { margin: 4px 0; } .dim { color: var(--dim); } .warn { border-left: 4px solid var(--destructive); padding: 4px 12px; background: var(--card); }
code { font: 13px/1.5 ui-monospace, monospace; } pre { font: 13px/1.6 ui-monospace, monospace; background: var(--card); border: 1px solid var(--line);
  border-radius: 5px; padding: 8px 12px; margin: 4px 0; white-space: pre-wrap; }
.scroll { overflow-x: auto; } .scroll:focus-visible { outline: 2px solid var(--write); } table { border-collapse: collapse; width: 100%; }
th { text-align: left; color: var(--dim); font-weight: 500; white-space: nowrap; } th, td { padding: 4px 14px 4px 0; vertical-align: top; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; } td { max-width: 64ch; } td.name, td.number { white-space: nowrap; }
.narrow { display: none; }
@media screen and (max-width: 700px) { .narrow { display: block; } body { padding: 20px 14px 40px; } thead { display: none; } table, tbody, tr, td { display: block; }
  tr { padding: 6px 0; border-bottom: 1px solid var(--line); } td { border: 0; padding: 1px 0; max-width: none; overflow-wrap: anywhere; }
  td.number, td.name { text-align: left; white-space: normal; } td::before { content: attr(data-column) ": "; color: var(--dim); } td:empty { display: none; } }
ol { padding-left: 22px; } li { margin: 8px 0; } details summary { cursor: pointer; color: var(--dim); }
.risk { font-weight: 600; white-space: nowrap; } .risk-read { color: var(--read); } .risk-write { color: var(--write); }
.risk-destructive { color: var(--destructive); } .risk-admin { color: var(--admin); } .risk-money { color: var(--money); } .risk-secrets { color: var(--secrets); }
.graph .edge { fill: none; stroke: var(--dim); stroke-opacity: .45; stroke-width: 1.3; } .graph .edge.idle { stroke-dasharray: 3 4; }
.graph rect { fill: var(--card); stroke: var(--line); } .graph .mark { fill: var(--dim); stroke: none; }
.graph .risk-read .mark { fill: var(--read); } .graph .risk-write .mark { fill: var(--write); } .graph .risk-destructive .mark { fill: var(--destructive); }
.graph .risk-admin .mark { fill: var(--admin); } .graph .risk-money .mark { fill: var(--money); } .graph .risk-secrets .mark { fill: var(--secrets); }
.graph text { fill: var(--text); } .graph .label { font: 600 12px ui-monospace, monospace; } .graph .caption { font: 11px system-ui, sans-serif; fill: var(--dim); letter-spacing: .04em; } .graph .note { font: 11px system-ui, sans-serif; fill: var(--dim); }
.graph .idle rect { stroke-dasharray: 3 3; } .graph .idle .mark { fill-opacity: .45; } .graph .kind-credential rect { stroke: var(--money); } .graph .kind-credential .mark { fill: var(--money); }
`

/** Names the one style that may apply, so that none can be slipped in. */
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')
const POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'`

export interface Page {
  readonly title: string
  readonly lead: Markup
  readonly sections: readonly Markup[]
}

export function pageText({ title, lead, sections }: Page): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(POLICY)}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<h1>${title}</h1>
${lead}
${sections}
</body>
</html>`.text
}

/** A part of the page; nothing where it has no content. */
export function section(title: string, content: Markup | undefined): Markup {
  return content ? markup`<section><h2>${title}</h2>${content}</section>\n` : NOTHING
}

export interface HtmlColumn {
  readonly name: string
  readonly isNumber?: boolean
  /** Short: it is not broken into lines. */
  readonly isName?: boolean
}

type Cell = Markup | string

/** Undefined without rows. */
export function table(
  header: readonly HtmlColumn[],
  rows: readonly (readonly Cell[])[],
): Markup | undefined {
  if (rows.length === 0) return undefined
  const names = header.map((column) => markup`<th class="${classOf(column)}">${column.name}</th>`)
  const cells = (row: readonly Cell[]) =>
    header.map(
      (column, index) =>
        markup`<td class="${classOf(column)}" data-column="${column.name}">${row[index]}</td>`,
    )
  const lines = rows.map((row) => markup`<tr>${cells(row)}</tr>\n`)
  return markup`<div class="scroll" tabindex="0"><table><thead><tr>${names}</tr></thead>
<tbody>${lines}</tbody></table></div>`
}

function classOf({ isNumber, isName }: HtmlColumn): string {
  if (isNumber) return 'number'
  return isName ? 'name' : 'text'
}

const NOTHING = new Markup('')

export const riskMarkup = (risk: string): Markup =>
  markup`<span class="risk risk-${risk}">${risk}</span>`

export const code = (text: string): Markup => markup`<code>${text}</code>`

/** Lines as they are, to be copied. */
export function lines(texts: readonly string[]): Markup {
  return markup`<pre>${texts.map((text) => markup`${text}\n`)}</pre>`
}

/** What a cut list leaves out. */
export function leftOutMarkup(shown: number, total: number): Markup {
  return total > shown ? markup`<p class="dim">... and ${total - shown} more</p>` : NOTHING
}

/** Sentences on what a report covers, in a box of their own where something is missing. */
export function coverageMarkup(words: string, isComplete: boolean): Markup {
  return markup`<p class="${isComplete ? 'dim' : 'warn'}">${words}</p>`
}
