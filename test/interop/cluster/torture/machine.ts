import { rm } from 'node:fs/promises'
import type { ServerProcess } from '../../servers/child.ts'
import { startProgram } from '../../servers/orrery.ts'

export interface MachineOptions {
  readonly name: string
  readonly directory: string
  /** Where the member listens to others. Host and port. */
  readonly listen: string
  /** Where others reach it. */
  readonly peer: string
  /** Where clients reach it. */
  readonly endpoint: string
}

/** How long a member may take until it serves, once it can reach a majority. Unit: ms. */
const startPatienceMs = 60_000

/** A place where the process of a member is started and killed. */
export class Machine {
  readonly name: string
  readonly peer: string
  readonly endpoint: string
  readonly #options: MachineOptions
  #process: ServerProcess | undefined
  #isFrozen = false

  constructor(options: MachineOptions) {
    this.name = options.name
    this.peer = options.peer
    this.endpoint = options.endpoint
    this.#options = options
  }

  /** Starts the process; does not wait until it serves. */
  async start(args: readonly string[] = []): Promise<void> {
    const { name, directory, listen, peer, endpoint } = this.#options
    this.#process = await startProgram([
      ...['--name', name, '--data-dir', directory, '--listen-client', endpoint, '--log-level', 'info'],
      ...['--listen-eureka', 'off', '--listen-http', 'off'],
      ...['--listen-peer', listen, '--advertise-peer', peer, ...args],
    ])
  }

  /** @throws Error when the process ends before it serves, or takes too long */
  async ready(): Promise<void> {
    const deadline = AbortSignal.timeout(startPatienceMs)
    const late = new Promise<never>((_, reject) => {
      deadline.onabort = () => reject(new Error(`${this.name} does not serve:\n${this.output()}`))
    })
    await Promise.race([this.#process?.line('ready'), late])
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    this.thaw()
    await this.#process?.stop(signal)
  }

  freeze(): void {
    if (this.#process === undefined) return
    this.#isFrozen = true
    process.kill(this.#process.pid, 'SIGSTOP')
  }

  thaw(): void {
    if (!this.#isFrozen || this.#process === undefined) return
    this.#isFrozen = false
    process.kill(this.#process.pid, 'SIGCONT')
  }

  /** Forgets everything that the member knew. */
  async wipe(): Promise<void> {
    await rm(this.#options.directory, { recursive: true, force: true })
  }

  /** The last part of what the process wrote. */
  output(): string {
    return this.#process?.output() ?? ''
  }
}
