import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { GraphNode } from './report-graph.ts'
import { layOut, NODE_HEIGHT, widthOf } from './report-layout.ts'

const node = (id: string, label = id): GraphNode => ({ id, kind: 'scope', label, note: 'read' })

const graphs = fc
  .array(fc.array(fc.string({ maxLength: 60 }), { minLength: 1, maxLength: 30 }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((layers) =>
    layers.map((labels, layer) => labels.map((label, index) => node(`${layer}-${index}`, label))),
  )
  .chain((layers) => {
    const ids = layers.flat().map(({ id }) => id)
    const edges = fc.array(
      fc.record({ from: fc.constantFrom(...ids), to: fc.constantFrom(...ids) }),
      { maxLength: 60 },
    )
    return edges.map((found) => ({ layers, edges: found }))
  })

it('places every node once, inside of the picture, and none over another', () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const { nodes, width, height } = layOut(graph)
      expect(nodes.map(({ id }) => id).sort()).toEqual(
        graph.layers
          .flat()
          .map(({ id }) => id)
          .sort(),
      )
      for (const [index, one] of nodes.entries()) {
        expect(one.x >= 0 && one.y >= 0).toBe(true)
        expect(one.x + one.width <= width && one.y + NODE_HEIGHT <= height).toBe(true)
        for (const other of nodes.slice(index + 1)) {
          const isBeside = one.x + one.width <= other.x || other.x + other.width <= one.x
          expect(isBeside || Math.abs(one.y - other.y) >= NODE_HEIGHT).toBe(true)
        }
      }
    }),
    { numRuns: 50 },
  )
})

it('orders a layer by its neighbours, so that edges need not cross', () => {
  const layers = [
    [node('a'), node('b'), node('c')],
    [node('z'), node('y'), node('x')],
  ]
  const edges = [
    { from: 'a', to: 'x' },
    { from: 'b', to: 'y' },
    { from: 'c', to: 'z' },
  ]
  const { nodes } = layOut({ layers, edges })
  const order = nodes.filter(({ id }) => 'xyz'.includes(id)).toSorted((l, r) => l.y - r.y)
  const left = nodes.filter(({ id }) => 'abc'.includes(id)).toSorted((l, r) => l.y - r.y)
  const partner = new Map(edges.map(({ from, to }) => [from, to]))
  expect(order.map(({ id }) => id)).toEqual(left.map(({ id }) => partner.get(id)))
})

it('makes room for a label, up to where it is cut', () => {
  expect(widthOf(node('a', 'x'.repeat(20)))).toBeGreaterThan(widthOf(node('a', 'x')))
  expect(widthOf(node('a', 'x'.repeat(2000)))).toBe(widthOf(node('a', 'x'.repeat(34))))
})
