import type { Answer } from './endpoint.ts'
import type { Call } from './step.ts'

type Message = Readonly<Record<string, unknown>>

/**
 * What is left of an answer when everything that two servers may differ in is taken away.
 *
 * @param asked the fields of the request as it was sent
 */
export function normalise(call: Call, asked: Message, answer: Answer): unknown {
  if (!('response' in answer)) return normaliseFailure(call, answer)
  const response = { ...answer.response, header: withoutIdentity(answer.response['header']) }
  switch (call.method) {
    case 'Range':
      return normaliseRange(asked, response)
    case 'Txn':
      return normaliseTxn(asked, response)
    case 'LeaseTimeToLive':
      // The keys come in no particular order.
      return {
        ...response,
        TTL: Math.sign(Number(answer.response['TTL'])),
        keys: [...(list(response, 'keys') as string[])].sort(),
      }
    case 'LeaseLeases':
      // In order of expiry, which is a matter of milliseconds.
      return {
        ...response,
        leases: (list(response, 'leases') as { ID: string }[]).map(({ ID }) => ID).sort(),
      }
    default:
      return response
  }
}

/** Codes with which a gRPC library refuses what never reaches a service. */
const libraryCodes = { resourceExhausted: 8, unimplemented: 12, internal: 13 }

/** Texts about messages that are malformed, too long or unknown are those of a library: the code counts. */
function normaliseFailure(call: Call, answer: { readonly code: number; readonly message: string }): unknown {
  const byLibrary =
    answer.code === libraryCodes.unimplemented ||
    (answer.code === libraryCodes.internal && call.spoil !== undefined) ||
    (answer.code === libraryCodes.resourceExhausted && /received message larger/i.test(answer.message))
  return byLibrary ? { code: answer.code } : answer
}

function withoutIdentity(header: unknown): unknown {
  const { revision } = (header ?? {}) as Message
  return { revision }
}

/** Each operation's response is looked at beside its request. */
function normaliseTxn(fields: Message, response: Message): Message {
  const branch = response['succeeded'] === true ? fields['success'] : fields['failure']
  const ops = (branch ?? []) as readonly Message[]
  const responses = (list(response, 'responses') as readonly Message[]).map((each, index) => {
    const op = ops[index] ?? {}
    const range = each['response_range'] as Message | undefined
    if (range !== undefined && op['request_range'] !== undefined) {
      return { ...each, response_range: normaliseRange(op['request_range'] as Message, range) }
    }
    const txn = each['response_txn'] as Message | undefined
    if (txn !== undefined && op['request_txn'] !== undefined) {
      return { ...each, response_txn: normaliseTxn(op['request_txn'] as Message, txn) }
    }
    return each
  })
  return { ...response, responses }
}

const sortFields = ['key', 'version', 'create_revision', 'mod_revision', 'value'] as const

/**
 * Takes the order of ties away: the reference sorts unstably. Keys with the same sort value become a set;
 * of a last set that the limit may have cut, only its size is compared.
 */
function normaliseRange(fields: Message, response: Message): Message {
  const target = sortFields[Number(fields['sort_target'] ?? 0)] ?? 'key'
  const kvs = list(response, 'kvs') as readonly Message[]
  if (target === 'key' || kvs.length === 0) return response
  const hidden = target === 'value' && fields['keys_only'] === true
  const groups: Message[][] = []
  let previous: string | undefined
  for (const kv of kvs) {
    const value = hidden ? '' : JSON.stringify(kv[target] ?? '')
    if (value !== previous) groups.push([])
    previous = value
    groups.at(-1)?.push(kv)
  }
  const cut = response['more'] === true
  const sets = groups.map((group, index) => {
    if (cut && index === groups.length - 1)
      return { sortValue: hidden ? '' : group[0]?.[target], size: group.length }
    return group.map((kv) => JSON.stringify(kv)).sort()
  })
  return { ...response, kvs: sets }
}

function list(message: Message, field: string): readonly unknown[] {
  return (message[field] ?? []) as readonly unknown[]
}
