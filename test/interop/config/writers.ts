import type { ReleaseInfo } from '@orrery/config-hub'
import type { ConfigMember } from './members.ts'
import { Progress } from './progress.ts'

/** A release that was acknowledged. */
export interface Publication {
  readonly file: string
  /** Whoever published it gave this as the reason. */
  readonly id: string
  readonly version: number
  readonly member: string
}

/** Where they write. */
export interface WritersOptions {
  readonly members: readonly ConfigMember[]
  readonly group: string
  readonly files: readonly string[]
  readonly writers: number
}

/** Longer than a member lets a request wait. Unit: ms. */
const answerMaxMs = 15_000

/**
 * Clients that publish to all members in turn, each time something else. Whoever gets no answer, or is told to try later, does not know
 * whether it took effect; he goes on with the next release at the next member.
 */
export class Writers {
  readonly acknowledged: Publication[] = []
  /** Ids of releases of which nobody knows whether they took effect. */
  readonly unknown = new Set<string>()
  /** What must not happen. */
  readonly failures: string[] = []
  readonly #options: WritersOptions
  readonly #progress = new Progress()
  readonly #running: Promise<unknown>
  #isOver = false

  constructor(options: WritersOptions) {
    this.#options = options
    this.#running = Promise.all(Array.from({ length: options.writers }, (_, nth) => this.#write(nth)))
  }

  /** Waits until so many more are acknowledged by each of these members. */
  async more(count: number, members: readonly ConfigMember[]): Promise<void> {
    const begin = this.acknowledged.length
    await this.#progress.until(() => {
      const since = this.acknowledged.slice(begin)
      return members.every(({ name }) => since.filter(({ member }) => member === name).length >= count)
    })
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  async #write(writer: number): Promise<void> {
    const { members, files } = this.#options
    for (let n = 0; !this.#isOver; n++) {
      const member = members[(writer + n) % members.length]
      const file = files[Math.floor(n / members.length) % files.length]
      if (member === undefined || file === undefined) return
      await this.#publish(member, file, `writer ${writer}, release ${n}`)
    }
  }

  async #publish({ name, url }: ConfigMember, file: string, id: string): Promise<void> {
    this.unknown.add(id)
    const { group } = this.#options
    try {
      const answer = await fetch(`${url}/namespaces/default/groups/${group}/files/${file}/publish`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ content: contentOf(id), reason: id }),
        signal: AbortSignal.timeout(answerMaxMs),
      })
      const body: unknown = await answer.json()
      if (answer.status === 503) return
      if (answer.status !== 201) {
        this.failures.push(`${name} answers ${answer.status} ${JSON.stringify(body)}`)
        return
      }
      this.unknown.delete(id)
      this.acknowledged.push({ file, id, version: (body as ReleaseInfo).version, member: name })
      this.#progress.made()
    } catch (error) {
      // It was killed, is not there, or cannot answer in time.
      const isExpected = error instanceof Error && ['TypeError', 'TimeoutError'].includes(error.name)
      if (!isExpected) this.failures.push(`${name}: ${String(error)}`)
    }
  }
}

/** What is published, which nobody publishes twice. */
export function contentOf(id: string): string {
  return `${id}\n${'#'.repeat(1_000)}\n`
}
