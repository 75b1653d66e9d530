/**
 * Places for the nodes of a layered graph: a column for each layer, in it an order with few
 * crossings (each node near the middle of its neighbours), and columns centred on the highest.
 */

import type { Graph, GraphEdge, GraphNode } from './report-graph.ts'

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
  readonly width: number
  readonly height: number
}

export const NODE_HEIGHT = 38
const ROW = 48
const COLUMN_GAP = 72
const MARGIN = 12
const PASSES = 6

/** Advance of a character at the label's and the note's size, a little above the average. */
const LABEL_ADVANCE = 7.4
const NOTE_ADVANCE = 6.2
const PADDING = 26
export const MAX_LABEL = 34

export function layOut({ layers, edges }: Graph): Layout {
  const ordered = orderLayers(layers, edges)
  const rows = Math.max(1, ...ordered.map((layer) => layer.length))
  const nodes: PlacedNode[] = []
  let x = MARGIN
  for (const layer of ordered) {
    const width = Math.max(...layer.map(widthOf))
    const top = MARGIN + ((rows - layer.length) * ROW) / 2
    nodes.push(...layer.map((node, index) => ({ ...node, x, y: top + index * ROW, width })))
    x += width + COLUMN_GAP
  }
  const byId = new Map(nodes.map((node) => [node.id, node]))
  return {
    nodes,
    edges: edges.flatMap((edge) => placed(edge, byId)),
    width: x - COLUMN_GAP + MARGIN,
    height: rows * ROW - (ROW - NODE_HEIGHT) + 2 * MARGIN,
  }
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
