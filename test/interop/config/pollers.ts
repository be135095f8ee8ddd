import type { PollResult, Release, WatchTarget } from '@orrery/config-hub'
import type { ConfigMember } from './members.ts'
import { SeenFiles } from './seen-files.ts'

/** What a follower watches, and whom it asks. */
export interface FollowerOptions {
  readonly name: string
  readonly members: readonly ConfigMember[]
  /** Which of them it turns to first. */
  readonly first: number
  readonly group: string
  /** Undefined: the whole group. */
  readonly file?: string | undefined
}

/** Somebody who follows files until he is stopped. */
export interface Follower {
  readonly seen: SeenFiles
  /** Undefined: the whole group. */
  readonly file: string | undefined
  stop(): Promise<void>
}

/** What a follower watches. */
export function targetsOf({ group, file }: FollowerOptions): readonly WatchTarget[] {
  return [{ namespace: 'default', group, ...(file === undefined ? {} : { file }) }]
}

/** How long a poll waits. Unit: ms. */
const timeoutMs = 20_000

/**
 * Follows by long-polls, and reads what it is told of: each time at another member, which may be behind the one before. It says what it
 * has, or up to where it was told everything, or both.
 */
export function startPoller(options: FollowerOptions & { readonly says: 'known' | 'both' }): Follower {
  const seen = new SeenFiles(options.name, options.group)
  const ending = new AbortController()
  const running = run()

  async function run(): Promise<void> {
    for (let turn = options.first; !ending.signal.aborted; turn++) {
      const member = options.members[turn % options.members.length]
      if (member !== undefined) await ask(member)
    }
  }

  async function ask(member: ConfigMember): Promise<void> {
    try {
      seen.connections++
      const query = { targets: targetsOf(options), known: seen.known, timeoutMs }
      const after = options.says === 'both' ? { afterRevision: seen.revision } : {}
      const answer = await post(`${member.url}/poll`, { ...query, ...after })
      if (answer.status === 200) await take((await answer.json()) as PollResult, member)
      else await refused(answer, member)
    } catch (error) {
      if (!(error instanceof TypeError) && !ending.signal.aborted) seen.fails(String(error))
    }
  }

  async function take(result: PollResult, member: ConfigMember): Promise<void> {
    seen.revision = Math.max(seen.revision, result.revision)
    if (result.type === 'unchanged') return
    for (const change of result.changes) {
      if (change.type === 'removed') seen.fails(`${change.key.file} was removed at ${member.name}`)
      else {
        const { file } = change.key
        const { version, md5 } = change.info
        await read(file, version, member)
        seen.sees({ file, version, md5 }, member.name)
      }
    }
  }

  /** What is told of can be read there, or something newer. */
  async function read(file: string, version: number, member: ConfigMember): Promise<void> {
    const path = `${member.url}/namespaces/default/groups/${options.group}/files/${file}/active`
    const answer = await fetch(path, { signal: ending.signal })
    if (answer.status !== 200) {
      await refused(answer, member)
      return
    }
    const release = (await answer.json()) as Release
    if (release.version < version) {
      seen.fails(`${member.name} tells of version ${version} of ${file}, and shows ${release.version}`)
    }
  }

  async function refused(answer: Response, member: ConfigMember): Promise<void> {
    const text = await answer.text()
    if (answer.status !== 503) seen.fails(`${member.name} answers ${answer.status} ${text}`)
  }

  function post(url: string, body: unknown): Promise<Response> {
    return fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: ending.signal,
    })
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
