import type { HeartbeatRecord } from '@orrery/registry'
import type { Command, Link, Reply } from './link.ts'
import { readCount, readLatest, type Script, type Scripts } from './scripts.ts'

/** What can be asked of the store. */
export type Operation = 'record' | 'latest' | 'remove'

/** What is known of each of some subjects; of nobody, where nothing was asked. */
export type Answer = readonly (HeartbeatRecord | undefined)[]

/** Keys that one operation is about, no more than fit into one command. */
export interface Part {
  readonly operation: Operation
  readonly keys: readonly string[]
}

/** One command for parts that follow each other. */
interface Group {
  readonly operation: Operation
  readonly parts: Part[]
  readonly keys: string[]
}

/** What an exchange needs. */
export interface ExchangeParts {
  readonly link: Link
  readonly scripts: Scripts
  readonly keysMax: number
  readonly expireAfterMs: number
  /** Differs at each call, in all processes. */
  readonly nonce: () => string
}

/**
 * Asks Redis for what parts want, all at once, and gives to each its answer, or why there is none.
 *
 * @throws what the link throws
 */
export async function exchange(
  parts: readonly Part[],
  how: ExchangeParts,
): Promise<readonly (Answer | { readonly error: unknown })[]> {
  const { link, scripts } = how
  const groups = group(parts, how.keysMax)
  const commands = groups.map((each) => commandOf(each, how))
  const replies = [...(await link.send(commands))]
  // Redis forgets scripts when it is restarted, and a new server of a cluster has never seen them.
  const unseen = [...replies.keys()].filter((index) => isNoScript(replies[index]))
  if (unseen.length > 0) {
    const again = unseen.map((index) => withText(commands[index], scripts))
    for (const [at, reply] of (await link.send(again)).entries()) replies[unseen[at] ?? at] = reply
  }
  return groups.flatMap((each, index) => answersOf(each, replies[index]))
}

function group(parts: readonly Part[], keysMax: number): readonly Group[] {
  const groups: Group[] = []
  let last: Group | undefined
  for (const part of parts) {
    if (
      last === undefined ||
      last.operation !== part.operation ||
      last.keys.length + part.keys.length > keysMax
    ) {
      last = { operation: part.operation, parts: [], keys: [] }
      groups.push(last)
    }
    last.parts.push(part)
    last.keys.push(...part.keys)
  }
  return groups
}

function commandOf({ operation, keys }: Group, { scripts, expireAfterMs, nonce }: ExchangeParts): Command {
  switch (operation) {
    case 'record':
      return ['evalsha', scripts.record.sha, keys.length, ...keys, nonce(), expireAfterMs]
    case 'latest':
      return ['evalsha', scripts.latest.sha, keys.length, ...keys]
    case 'remove':
      return ['del', ...keys]
  }
}

/** The same command with the script itself in place of its name. */
function withText(command: Command | undefined, scripts: Scripts): Command {
  const [, sha, ...args] = command ?? []
  const script: Script = sha === scripts.record.sha ? scripts.record : scripts.latest
  return ['eval', script.lua, ...args]
}

function isNoScript(reply: Reply | undefined): boolean {
  return reply?.ok === false && reply.error instanceof Error && reply.error.message.startsWith('NOSCRIPT')
}

function answersOf(
  { operation, parts, keys }: Group,
  reply: Reply | undefined,
): readonly (Answer | { readonly error: unknown })[] {
  try {
    if (reply === undefined) throw new Error('there was no reply')
    if (!reply.ok) throw reply.error
    const answer = read(operation, reply.value, keys.length)
    let from = 0
    return parts.map((part) => answer.slice(from, (from += part.keys.length)))
  } catch (error) {
    return parts.map(() => ({ error }))
  }
}

function read(operation: Operation, reply: unknown, keys: number): Answer {
  if (operation === 'latest') return readLatest(reply, keys)
  readCount(reply, (count) => (operation === 'record' ? count === keys : count >= 0 && count <= keys))
  return []
}
