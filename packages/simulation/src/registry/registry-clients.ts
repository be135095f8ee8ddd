import { RegistryClient, type RegistryClientParts } from './registry-client.ts'

/** What clients work with. */
export interface RegistryClientsParts extends RegistryClientParts {
  /** Instances. */
  readonly count: number
}

/** All instances of a run. */
export class RegistryClients {
  readonly #clients: RegistryClient[]

  constructor(parts: RegistryClientsParts) {
    const { random } = parts.cluster.simulation
    this.#clients = Array.from(
      { length: parts.count },
      (_, n) => new RegistryClient(`i${n}`, parts, random.fork(`client ${n}`)),
    )
  }

  start(): void {
    for (const client of this.#clients) client.start()
  }

  /** From now on nobody dies or comes back by himself. */
  calm(): void {
    for (const client of this.#clients) client.isCalm = true
  }

  /** Lets some of them die. @returns their ids */
  stopSome(count: number): readonly string[] {
    const living = this.#clients.filter(({ isAlive }) => isAlive).slice(0, count)
    for (const client of living) client.stop()
    return living.map(({ id }) => id)
  }

  get living(): readonly string[] {
    return this.#clients.filter(({ isAlive }) => isAlive).map(({ id }) => id)
  }
}
