import type { ChangeBatch } from '@orrery/config-hub'
import type { ConfigMember } from './members.ts'
import { type Follower, type FollowerOptions, targetsOf } from './pollers.ts'
import { SeenFiles, type SeenVersion } from './seen-files.ts'

/** What the first event of a stream says. */
interface Present {
  readonly revision: number
  readonly files: readonly SeenVersion[]
}

/**
 * Follows by server-sent events, for as long as a stream lasts, then at the next member. It takes up again by what it has and up to where
 * it was told everything, or by the id of the last event, as browsers do.
 */
export function startStream(options: FollowerOptions & { readonly says: 'both' | 'lastEventId' }): Follower {
  const seen = new SeenFiles(options.name, options.group)
  const ending = new AbortController()
  const { signal } = ending
  const running = run()

  async function run(): Promise<void> {
    for (let turn = options.first; !signal.aborted; turn++) {
      const member = options.members[turn % options.members.length]
      if (member !== undefined) await follow(member)
    }
  }

  async function follow(member: ConfigMember): Promise<void> {
    try {
      seen.connections++
      const answer = await open(member)
      if (answer.status !== 200) {
        const text = await answer.text()
        if (answer.status !== 503) seen.fails(`${member.name} answers ${answer.status} ${text}`)
        return
      }
      for await (const { event, data } of eventsOf(answer)) take(event, data, member)
    } catch (error) {
      if (!(error instanceof TypeError) && !signal.aborted) seen.fails(String(error))
    }
  }

  function open({ url }: ConfigMember): Promise<Response> {
    if (options.says === 'both') {
      const query = { targets: targetsOf(options), known: seen.known, afterRevision: seen.revision }
      const headers = { 'content-type': 'application/json' }
      return fetch(`${url}/watch`, { method: 'POST', headers, body: JSON.stringify(query), signal })
    }
    const of = options.file === undefined ? '' : `?file=${options.file}`
    const headers = seen.revision === 0 ? {} : { 'last-event-id': String(seen.revision) }
    return fetch(`${url}/namespaces/default/groups/${options.group}/watch${of}`, { headers, signal })
  }

  function take(event: string, data: string, { name }: ConfigMember): void {
    if (event === 'present') {
      const { files } = JSON.parse(data) as Present
      const missing = seen.known.find((one) => !files.some(({ file }) => file === one.file))
      if (missing !== undefined) seen.fails(`${missing.file} was gone at ${name}`)
      for (const { file, version } of files) {
        const before = seen.known.find((one) => one.file === file)?.version ?? 0
        if (version < before) seen.fails(`${file} went from ${before} to ${version}, at ${name}`)
      }
    } else if (event === 'changes') {
      const { revision, changes } = JSON.parse(data) as ChangeBatch
      for (const change of changes) {
        if (change.type === 'removed') seen.fails(`${change.key.file} was removed at ${name}`)
        else seen.sees(change.release, name)
      }
      seen.revision = Math.max(seen.revision, revision)
    } else if (event !== 'failure') seen.fails(`${name} sent ${event}`)
  }

  return {
    seen,
    file: options.file,
    stop: async () => {
      ending.abort()
      await running
    },
  }
}

/** Events that have data, as they come. Source: HTML Living Standard, "Server-sent events". */
async function* eventsOf({
  body,
}: Response): AsyncGenerator<{ readonly event: string; readonly data: string }> {
  if (body === null) return
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true })
    for (let end = rest.indexOf('\n\n'); end !== -1; end = rest.indexOf('\n\n')) {
      const fields = new Map(rest.slice(0, end).split('\n').map(fieldOf))
      rest = rest.slice(end + 2)
      const data = fields.get('data')
      if (data !== undefined) yield { event: fields.get('event') ?? 'message', data }
    }
  }
}

function fieldOf(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')]
}
