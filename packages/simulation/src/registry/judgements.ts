import type { Registry } from '@orrery/registry'
import type { Store, TxnOp, TxnRequest } from '@orrery/store'
import { altered } from '../store/altered.ts'
import type { RegistryObserver } from './registry-observer.ts'

/** Whose judgements are looked at. */
export interface JudgementsParts {
  /** Of the member. */
  readonly name: string
  /** What judges, as soon as it is there. */
  readonly hosted: () => { readonly registry: Registry; readonly observer: RegistryObserver } | undefined
  readonly fail: (violation: string) => void
}

const checkers = { key: 'registry/checkers/', rangeEnd: 'registry/checkers0' }
const instances = 'registry/instances/'
const removals = 'registry/removals/'
/** What was decided just before the alarm may be written. Unit: ms. */
const alarmGraceMs = 500

const text = new TextDecoder()

/**
 * A store that looks at what a member judges by it. At the revision of a judgement the member has its place, and nobody
 * else has one of whom it does not know: so no two judge the same instance. And nobody is evicted while too many are
 * expired.
 */
export function checkJudgements(store: Store, parts: JudgementsParts): Store {
  const { name, hosted, fail } = parts
  return altered(store, {
    txn: async (request, options) => {
      const judgement = judgementOf(request)
      if (judgement === undefined) return await store.txn(request, options)
      const { registry, observer } = hosted() ?? {}
      const alarmedMs = observer?.alarmedMs() ?? 0
      if (judgement.evicts && alarmedMs > alarmGraceMs)
        fail(`${name} evicts, though too many have been expired for ${alarmedMs.toFixed(0)} ms`)
      const known = registry?.checkers().map((member) => member.name) ?? []
      const result = await store.txn(request, options)
      const present = result.succeeded ? await checkersAt(store, result.revision) : undefined
      if (present === undefined) return result
      if (!present.includes(name)) fail(`${name} judged at ${result.revision}, when it had no place`)
      const stranger = present.find((other) => !known.includes(other))
      if (stranger !== undefined)
        fail(`${name} judged at ${result.revision}, and did not know of ${stranger}`)
      return result
    },
  })
}

/** @returns the names of those that judge; undefined: it is not known any more */
async function checkersAt(store: Store, revision: number): Promise<readonly string[] | undefined> {
  try {
    const { kvs } = await store.range({ ...checkers, keysOnly: true, revision }, { serializable: true })
    return kvs.map(({ keyString }) => keyString.slice(checkers.key.length))
  } catch {
    return undefined
  }
}

function judgementOf({ success = [] }: TxnRequest): { readonly evicts: boolean } | undefined {
  const puts = success.flatMap(putsOf)
  const expires = puts.some(({ key, value }) => key.startsWith(instances) && value.includes('"expired":true'))
  const evicts = puts.some(({ key, value }) => key.startsWith(removals) && value.includes('"evicted"'))
  return expires || evicts ? { evicts } : undefined
}

function putsOf(op: TxnOp): readonly { readonly key: string; readonly value: string }[] {
  if (op.type === 'txn') return (op.success ?? []).flatMap(putsOf)
  return op.type === 'put' ? [{ key: textOf(op.key), value: textOf(op.value ?? '') }] : []
}

function textOf(bytes: string | Uint8Array): string {
  return typeof bytes === 'string' ? bytes : text.decode(bytes)
}
