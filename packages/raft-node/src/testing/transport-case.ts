import assert from 'node:assert/strict'
import { hasCode } from '@orrery/environment'
import type { MemberId } from '@orrery/raft'
import type { Transport } from '../ports.ts'
import { TrialMember } from './trial-member.ts'

/** What a case of the suite works on. */
export interface TransportUnderTest {
  /**
   * A transport that is not started. The suite closes it.
   *
   * @param address where it is to listen, which was that of one that is closed; by default anywhere
   */
  readonly create: (address?: string) => Transport
  /** Lets time pass, for the transports and for what they wait for. */
  readonly pass: (ms: number) => Promise<void>
}

/** One law that every {@link Transport} obeys. */
export interface TransportConformanceCase {
  readonly name: string
  /** Rejects with an assertion error when the transport breaks the law. */
  readonly run: (subject: TransportUnderTest) => Promise<void>
}

/** Who a member of a case is. */
export interface TrialIdentity {
  readonly address?: string
  readonly clusterId?: bigint
  readonly directoryId?: bigint
}

const pollMs = 5
const patienceMs = 15_000

/** Transports of one test and the members behind them, in the time that the test has. */
export class Trial {
  readonly #subject: TransportUnderTest
  readonly #created: Transport[] = []

  constructor(subject: TransportUnderTest) {
    this.#subject = subject
  }

  create(address?: string): Transport {
    const transport = this.#subject.create(address)
    this.#created.push(transport)
    return transport
  }

  /** A member that is started and has no peers. */
  async member(
    id: MemberId,
    { address, clusterId = 1n, directoryId = id }: TrialIdentity = {},
  ): Promise<TrialMember> {
    const member = new TrialMember(this.create(address), { clusterId, memberId: id, directoryId })
    await member.transport.start(member.identity, member)
    return member
  }

  /** Makes members peers of each other. */
  async connect(...members: readonly TrialMember[]): Promise<void> {
    for (const { transport } of members) transport.setPeers(members.map(({ peer }) => peer))
    for (const { transport, id } of members) {
      for (const other of members) {
        if (other.id === id) continue
        await this.eventually('members connect', () => transport.connectedMs(other.id) !== undefined)
      }
    }
  }

  /** Two members that are connected. */
  async pair(): Promise<readonly [TrialMember, TrialMember]> {
    const [a, b] = [await this.member(1n), await this.member(2n)]
    await this.connect(a, b)
    return [a, b]
  }

  /** An address at which nobody listens. */
  async vacancy(): Promise<string> {
    const { transport } = await this.member(99n)
    const { address } = transport
    await transport.close()
    return address
  }

  pass(ms: number): Promise<void> {
    return this.#subject.pass(ms)
  }

  /** Waits for what has to happen, and does something meanwhile again and again. */
  async eventually(what: string, check: () => boolean, meanwhile?: (attempt: number) => void): Promise<void> {
    for (let waitedMs = 0; !check(); waitedMs += pollMs) {
      assert.ok(waitedMs < patienceMs, `it did not happen that ${what}`)
      meanwhile?.(waitedMs / pollMs)
      await this.#subject.pass(pollMs)
    }
  }

  /** Waits for a promise, while time passes. */
  async settled<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const settle = (): void => {
      isSettled = true
    }
    promise.then(settle, settle)
    await this.eventually('a call settles', () => isSettled)
    return promise
  }

  /** The call rejects with this code, and gives this reason. */
  async rejects(call: Promise<unknown>, code: string, reason = ''): Promise<void> {
    const error: unknown = await this.settled(call).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    assert.ok(hasCode(error, code), `expected ${code}, got ${String(error)}`)
    assert.ok(error.message.includes(reason), `expected the reason “${reason}” in “${error.message}”`)
  }

  async close(): Promise<void> {
    await Promise.all(this.#created.map((transport) => this.settled(transport.close())))
  }
}

/** A case, on transports that are closed after it however it ends. */
export function law(name: string, check: (trial: Trial) => Promise<void>): TransportConformanceCase {
  return {
    name,
    run: async (subject) => {
      const trial = new Trial(subject)
      try {
        await check(trial)
      } finally {
        await trial.close()
      }
    },
  }
}

/** Values as text, so that a view on a larger buffer equals a buffer of its own. */
export function plain(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value)) return `[${value.map(plain).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).map(([name, each]) => `${name}: ${plain(each)}`)
  return `{ ${fields.sort().join(', ')} }`
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
