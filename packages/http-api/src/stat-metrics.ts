import { Counter, Gauge, Registry as MetricsRegistry } from 'prom-client'

/** Metrics in a registry of their own: several in one process do not meet. */
export interface ApiMetrics {
  /** All of them now, in the text format of Prometheus. */
  expose(): Promise<string>
  /** Media type of {@link ApiMetrics.expose}. */
  readonly contentType: string
}

/** Takes over what is counted elsewhere. */
type Update<Stats> = (stats: Stats) => void

/** Metrics that take over, whenever they are asked for, what a component counts itself. */
export class StatMetrics<Stats> implements ApiMetrics {
  readonly #metrics = new MetricsRegistry()
  readonly #updates: Update<Stats>[] = []
  readonly #stats: () => Stats

  constructor(stats: () => Stats) {
    this.#stats = stats
  }

  get contentType(): string {
    return this.#metrics.contentType
  }

  /** How much there is now. */
  gauge(name: string, help: string, read: (stats: Stats) => number): this {
    const target = new Gauge({ name, help, registers: [this.#metrics] })
    this.#updates.push((stats) => target.set(read(stats)))
    return this
  }

  /** The same, by a label. */
  gauges(
    [name, label]: readonly [name: string, label: string],
    help: string,
    read: (stats: Stats) => Readonly<Record<string, number>>,
  ): this {
    const target = new Gauge({ name, help, labelNames: [label], registers: [this.#metrics] })
    this.#updates.push((stats) => {
      for (const [value, sum] of Object.entries(read(stats))) target.set({ [label]: value }, sum)
    })
    return this
  }

  /** How much there was so far. */
  counter(name: string, help: string, read: (stats: Stats) => number): this {
    const target = new Counter({ name, help, registers: [this.#metrics] })
    this.#updates.push((stats) => {
      target.reset()
      target.inc(read(stats))
    })
    return this
  }

  /** The same, by a label. */
  counters(
    [name, label]: readonly [name: string, label: string],
    help: string,
    read: (stats: Stats) => Readonly<Record<string, number>>,
  ): this {
    const target = new Counter({ name, help, labelNames: [label], registers: [this.#metrics] })
    this.#updates.push((stats) => {
      target.reset()
      for (const [value, sum] of Object.entries(read(stats))) target.inc({ [label]: value }, sum)
    })
    return this
  }

  expose(): Promise<string> {
    const stats = this.#stats()
    for (const update of this.#updates) update(stats)
    return this.#metrics.metrics()
  }
}
