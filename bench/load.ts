/** Load from autocannon, in a process of its own: one job in, the figures out, then it ends. */

import autocannon from 'autocannon'

export interface LoadJob {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly connections: number
  readonly seconds: number
}

export interface LoadFigures {
  readonly requests: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers that were not 2xx, and connections that broke. */
  readonly failed: number
}

process.once('message', (job: LoadJob) => {
  void autocannon({ ...job, duration: job.seconds }).then((result) => {
    const figures: LoadFigures = {
      requests: result.requests.total,
      requestsPerSecond: result.requests.average,
      p50Ms: result.latency.p50,
      p99Ms: result.latency.p99,
      failed: result.non2xx + result.errors + result.timeouts,
    }
    process.send?.(figures, () => {
      process.disconnect()
    })
  })
})
