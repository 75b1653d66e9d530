/**
 * Places for the nodes of a layered graph: a column for each layer, in it an order with few
 * crossings (each node near the middle of its neighbours), and columns centred on the highest.
 */

import type { Graph, GraphEdge, GraphNode, NodeKind } from './report-graph.ts'

export interface PlacedNode extends GraphNode {
  readonly x: number
  readonly y: number
  readonly width: number
}

export interface PlacedEdge extends GraphEdge {
  readonly start: PlacedNode
  readonly end: PlacedNode
}

export interface Layout {
  readonly nodes: readonly PlacedNode[]
  readonly edges: readonly PlacedEdge[]
  /** What each column holds, above it. */
  readonly captions: readonly { readonly x: number; readonly y: number; readonly text: string }[]
  readonly width: number
  readonly height: number
}

export const NODE_HEIGHT = 38
const ROW = 48
const COLUMN_GAP = 72
const MARGIN = 12
const CAPTION_HEIGHT = 24

const CAPTIONS: Readonly<Record<NodeKind, string>> = {
  agent: 'agents',
  scope: 'scopes',
  service: 'services',
  credential: 'real credentials',
  other: 'also used by',
}

const PASSES = 6

/** Advance of a character at the label's and the note's size, a little above the average. */
const LABEL_ADVANCE = 7.4
const NOTE_ADVANCE = 6.2
const PADDING = 26
/** A caption has room above its column. */
const NARROWEST = 104
export const MAX_LABEL = 34

export function layOut({ layers, edges }: Graph): Layout {
  const ordered = orderLayers(layers, edges)
  const rows = Math.max(1, ...ordered.map((layer) => layer.length))
  const nodes: PlacedNode[] = []
  const captions: { x: number; y: number; text: string }[] = []
  let x = MARGIN
  for (const layer of ordered) {
    const width = Math.max(...layer.map(widthOf), NARROWEST)
    const step = stepOf(layer.length, rows)
    const top = MARGIN + CAPTION_HEIGHT + (rows * ROW - layer.length * step + step - ROW) / 2
    const [first] = layer
    if (first) captions.push({ x, y: top - 10, text: CAPTIONS[first.kind] })
    nodes.push(...layer.map((node, index) => ({ ...node, x, y: top + index * step, width })))
    x += width + COLUMN_GAP
  }
  const byId = new Map(nodes.map((node) => [node.id, node]))
  return {
    nodes,
    captions,
    edges: edges.flatMap((edge) => placed(edge, byId)),
    width: x - COLUMN_GAP + MARGIN,
    height: rows * ROW - (ROW - NODE_HEIGHT) + 2 * MARGIN + CAPTION_HEIGHT,
  }
}

/** A short column beside a long one spreads out, so that its edges do not all meet in one place. */
function stepOf(length: number, rows: number): number {
  return Math.min(4, Math.max(1, (rows / length) * 0.6)) * ROW
}

function placed(edge: GraphEdge, nodes: ReadonlyMap<string, PlacedNode>): PlacedEdge[] {
  const [start, end] = [nodes.get(edge.from), nodes.get(edge.to)]
  return start && end ? [{ ...edge, start, end }] : []
}

export function widthOf({ label, note }: GraphNode): number {
  const text = Math.max(
    Math.min(label.length, MAX_LABEL) * LABEL_ADVANCE,
    Math.min(note.length, MAX_LABEL) * NOTE_ADVANCE,
  )
  return Math.ceil(text) + PADDING
}

/** Sweeps to the right, then to the left, and so on; nodes without neighbours keep their place. */
function orderLayers(
  layers: Graph['layers'],
  edges: readonly GraphEdge[],
): readonly (readonly GraphNode[])[] {
  const neighbours = neighboursOf(edges)
  const ordered = layers.map((layer) => [...layer])
  for (let pass = 0; pass < PASSES; pass += 1) {
    const indexes = [...ordered.keys()]
    for (const index of pass % 2 === 0 ? indexes : indexes.reverse()) {
      const beside = ordered[pass % 2 === 0 ? index - 1 : index + 1]
      if (beside) ordered[index] = nearNeighbours(ordered[index] ?? [], beside, neighbours)
    }
  }
  return ordered
}

function nearNeighbours(
  layer: readonly GraphNode[],
  beside: readonly GraphNode[],
  neighbours: ReadonlyMap<string, readonly string[]>,
): GraphNode[] {
  // In parts of the column's height, since columns are not equally high.
  const positions = new Map(beside.map(({ id }, index) => [id, (index + 0.5) / beside.length]))
  return layer
    .map((node, index) => {
      const found = (neighbours.get(node.id) ?? []).flatMap((id) => positions.get(id) ?? [])
      const mean = found.reduce((sum, one) => sum + one, 0) / found.length
      return { node, at: found.length === 0 ? (index + 0.5) / layer.length : mean }
    })
    .sort((left, right) => left.at - right.at)
    .map(({ node }) => node)
}

function neighboursOf(edges: readonly GraphEdge[]): ReadonlyMap<string, readonly string[]> {
  const neighbours = new Map<string, string[]>()
  const add = (from: string, to: string) =>
    neighbours.set(from, [...(neighbours.get(from) ?? []), to])
  for (const { from, to } of edges) {
    add(from, to)
    add(to, from)
  }
  return neighbours
}
