import { once } from 'node:events'
import { type Etcd3, type IWatchResponse, GRPCGenericError } from 'etcd3'
import { expect } from 'vitest'

/** A key that was written once, and never again. */
interface Written {
  readonly value: string
  readonly revision: number
}

const prefix = 'crash/'

/**
 * What clients of a server did and were told, over all its lives. No key is written twice, so that what the
 * server holds is also everything that ever happened to it.
 */
export class ServerClients {
  readonly #answered = new Map<string, Written>()
  readonly #submitted = new Map<string, string>()
  readonly #watched = new Map<string, Written>()
  #watchedRevision = 1
  #life = 0

  get answered(): number {
    return this.#answered.size
  }

  get watched(): number {
    return this.#watched.size
  }

  /** Several clients write and one watches, until the server is gone. Calls `kill` after some answers. */
  async write(client: Etcd3, answers: number, kill: () => Promise<void>): Promise<void> {
    const life = this.#life++
    const watcher = await client.watch().prefix(prefix).create()
    watcher.on('data', (response) => {
      this.#take(response)
    })
    // It would connect again and again.
    watcher.on('disconnected', () => void watcher.cancel().catch(() => {}))
    const enough = this.#answered.size + answers
    const writeOn = async (writer: number): Promise<void> => {
      for (let n = 0; this.#answered.size < enough; n++)
        await this.#writeOnce(client, `${life}.${writer}.${n}`)
    }
    const writers = Array.from({ length: 8 }, (_, writer) => writeOn(writer))
    await Promise.race(writers)
    await kill()
    for (const end of await Promise.allSettled(writers)) {
      if (end.status === 'rejected') expect(end.reason).toBeInstanceOf(GRPCGenericError)
    }
  }

  /** Checks what the server holds after its restart, by a range and by a watch. */
  async check(client: Etcd3): Promise<void> {
    const { kvs, header } = await client.getAll().prefix(prefix).exec()
    const held = new Map(
      kvs.map(({ key, value, mod_revision }) => [
        key.toString(),
        { value: value.toString(), revision: Number(mod_revision) },
      ]),
    )
    for (const [key, written] of this.#answered) expect(held.get(key), key).toEqual(written)
    for (const [key, written] of this.#watched) expect(held.get(key), key).toEqual(written)
    for (const [key, { value }] of held) expect(value).toBe(this.#submitted.get(key))
    for (const key of held.keys()) if (key.endsWith('/a')) expect(held.has(key.replace(/a$/, 'b'))).toBe(true)

    const missed = [...held].filter(([, { revision }]) => revision > this.#watchedRevision)
    const revision = Number(header.revision)
    const before = this.#watched.size
    const start = String(this.#watchedRevision + 1)
    const watcher = await client.watch().prefix(prefix).startRevision(start).create()
    if (this.#watchedRevision < revision) {
      while (this.#watchedRevision < revision) {
        const [response] = (await once(watcher, 'data')) as [IWatchResponse]
        this.#take(response)
      }
    }
    await watcher.cancel()
    expect(this.#watched.size - before).toBe(missed.length)
    for (const [key, written] of missed) expect(this.#watched.get(key)).toEqual(written)
  }

  #take({ events }: IWatchResponse): void {
    for (const { type, kv } of events) {
      expect(type).toBe('Put')
      const revision = Number(kv.mod_revision)
      expect(revision).toBeGreaterThanOrEqual(this.#watchedRevision)
      this.#watched.set(kv.key.toString(), { value: kv.value.toString(), revision })
      this.#watchedRevision = revision
    }
  }

  async #writeOnce(client: Etcd3, name: string): Promise<void> {
    const keys = [`${prefix}${name}`, `${prefix}${name}/a`, `${prefix}${name}/b`]
    for (const key of keys) this.#submitted.set(key, `value of ${key}`)
    const [single = '', first = '', second = ''] = keys
    const put = (key: string) => client.put(key).value(`value of ${key}`)
    const { header } = await put(single).exec()
    this.#answer(single, header.revision)
    const txn = await client.if(first, 'Version', '==', 0).then(put(first), put(second)).commit()
    expect(txn.succeeded).toBe(true)
    this.#answer(first, txn.header.revision)
    this.#answer(second, txn.header.revision)
  }

  #answer(key: string, revision: string): void {
    this.#answered.set(key, { value: `value of ${key}`, revision: Number(revision) })
  }
}
