/** A placed graph as inline SVG; its colours come from the page's style. */

import { markup, type Markup } from './markup.ts'
import {
  layOut,
  MAX_LABEL,
  NODE_HEIGHT,
  type PlacedEdge,
  type PlacedNode,
} from './report-layout.ts'
import type { Graph } from './report-graph.ts'

export function graphSvg(graph: Graph): Markup {
  const { nodes, edges, captions, width, height } = layOut(graph)
  return markup`<p class="dim narrow">Wider than this screen: scroll it sideways.</p><div class="scroll" tabindex="0"><svg class="graph" role="img" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title>Agents, their scopes, services, credentials and who shares them</title>
${captions.map(({ x, y, text }) => markup`<text class="caption" x="${x}" y="${y}">${text}</text>`)}
${edges.map(edgeSvg)}
${nodes.map(nodeSvg)}
</svg></div>`
}

function edgeSvg({ start, end }: PlacedEdge): Markup {
  const [x1, y1] = [start.x + start.width, start.y + NODE_HEIGHT / 2]
  const [x2, y2] = [end.x, end.y + NODE_HEIGHT / 2]
  const middle = (x1 + x2) / 2
  const path = `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`
  return markup`<path class="${start.isIdle || end.isIdle ? 'edge idle' : 'edge'}" d="${path}"/>\n`
}

function nodeSvg(node: PlacedNode): Markup {
  const { x, y, width, label, note } = node
  return markup`<g class="${classesOf(node)}" transform="translate(${x} ${y})"><title>${label} (${note})</title>
<rect width="${width}" height="${NODE_HEIGHT}" rx="5"/><rect class="mark" width="5" height="${NODE_HEIGHT}" rx="2"/>
<text x="14" y="16" class="label">${cut(label)}</text><text x="14" y="30" class="note">${cut(note)}</text></g>\n`
}

function classesOf({ kind, risk, isIdle }: PlacedNode): string {
  const words = ['node', `kind-${kind}`]
  if (risk !== undefined) words.push(`risk-${risk}`)
  if (isIdle === true) words.push('idle')
  return words.join(' ')
}

const cut = (text: string) => (text.length > MAX_LABEL ? `${text.slice(0, MAX_LABEL - 1)}…` : text)
