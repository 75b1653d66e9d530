/** The part of autocannon that bench/load.ts uses; the package has no types of its own. */

declare module 'autocannon' {
  interface Result {
    readonly requests: { readonly total: number; readonly average: number }
    readonly latency: { readonly p50: number; readonly p99: number }
    readonly non2xx: number
    readonly errors: number
    readonly timeouts: number
  }
  export default function autocannon(options: object): Promise<Result>
}
