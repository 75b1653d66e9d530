/** A buffer that counts how often single bytes of it are read: work that no clock can blur. */

export interface CountedBuffer {
  readonly bytes: Buffer
  readonly reads: () => number
}

/** The first `length` bytes of a buffer; whole calls on it, such as `toString`, count nothing. */
export function countReads(original: Buffer, length = original.length): CountedBuffer {
  const target = original.subarray(0, length)
  let reads = 0
  const bytes = new Proxy(target, {
    get(_target, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads += 1
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return { bytes, reads: () => reads }
}
