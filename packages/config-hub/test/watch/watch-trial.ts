import type {
  ChangeBatch,
  ConfigWatch,
  Fingerprint,
  PollResult,
  RunningWatch,
  WatchTarget,
} from '../../src/watches.ts'
import { compileRule } from '../../src/gray/match-rule.ts'
import { filePath } from '../../src/keys.ts'
import type { ConfigClient, ConfigFile, FileKey, GrayRule, ReleaseInfo } from '../../src/model.ts'
import { Feeder } from '../view/fed-view.ts'
import { fedMember, type FedMember, settle } from './watched-hub.ts'

/** Files of the trial. */
export const files: readonly FileKey[] = [
  { namespace: 'n', group: 'a', file: 'app.yaml' },
  { namespace: 'n', group: 'a', file: 'db/main.yaml' },
  { namespace: 'n', group: 'b', file: 'app.yaml' },
]

/** What may be watched, and which of the files that are. */
export const interests: readonly {
  readonly targets: readonly WatchTarget[]
  readonly covers: readonly number[]
}[] = [
  { targets: [{ namespace: 'n', group: 'a', file: 'app.yaml' }], covers: [0] },
  { targets: [{ namespace: 'n', group: 'a', file: 'db/main.yaml' }], covers: [1] },
  { targets: [{ namespace: 'n', group: 'a' }], covers: [0, 1] },
  { targets: [{ namespace: 'n', group: 'a', prefix: 'db/' }], covers: [1] },
  { targets: files, covers: [0, 1, 2] },
  {
    targets: [
      { namespace: 'n', group: 'a', prefix: 'a' },
      { namespace: 'n', group: 'b' },
    ],
    covers: [0, 2],
  },
]

/** Who watches. */
export const clients: readonly ConfigClient[] = [
  {},
  { labels: { zone: 'canary' } },
  { labels: { zone: 'blue' }, id: 'one' },
  { id: 'two' },
]

/** For whom gray releases are. */
export const rules: readonly GrayRule[] = [
  { labels: [{ label: 'zone', type: 'exact', value: 'canary' }] },
  { labels: [{ label: 'zone', type: 'notEquals', value: 'canary' }] },
  { percent: 50 },
  { percent: 100 },
]

/** What happens. */
export type Step =
  | {
      readonly type: 'write'
      readonly how: 'publish' | 'gray' | 'rule' | 'promote' | 'stop' | 'withdraw' | 'delete' | 'save'
      readonly file: number
      readonly content: number
      readonly tag: number
      readonly rule: number
      readonly encrypted: boolean
    }
  /** A member takes some revisions. */
  | { readonly type: 'take'; readonly member: number; readonly count: number }
  /** Contents are slow to read, or not any more. */
  | { readonly type: 'gate'; readonly member: number; readonly isShut: boolean }
  | { readonly type: 'open'; readonly actor: number; readonly member: number; readonly says: Says }
  /** Somebody comes who was not there before. */
  | {
      readonly type: 'come'
      readonly actor: number
      readonly member: number
      readonly interest: number
      readonly client: number
    }
  | { readonly type: 'ask'; readonly actor: number }
  | { readonly type: 'leave'; readonly actor: number }
  /** Time passes: polls run out. */
  | { readonly type: 'pass' }

/** What a client says it has when it comes again. */
export type Says = 'versionAndMd5' | 'version' | 'md5' | 'versionAndRevision'

/** What somebody has of a file. */
interface Had {
  readonly version: number
  /** Undefined: he was told that it is gone. */
  readonly info: ReleaseInfo | undefined
  /** He was given it in this very watch. */
  readonly isGiven: boolean
}

/** How somebody is told: when he asks, whenever there is something, or once, without contents. */
const kinds = ['reader', 'reader', 'reader', 'listener', 'listener', 'poll', 'poll'] as const

/** How many take part. */
export const actors = kinds.length

interface Actor {
  readonly kind: (typeof kinds)[number]
  client: ConfigClient
  interest: (typeof interests)[number]
  member: FedMember
  watch: ConfigWatch | undefined
  listening: RunningWatch | undefined
  isAsking: boolean
  revision: number
  says: Says
  readonly had: Map<string, Had>
}

/** A naive hub beside the real one: everything that ever was, and who saw what. */
export class WatchTrial {
  readonly #feeder = new Feeder()
  readonly #members: readonly FedMember[]
  readonly #free: (() => void)[] = [() => undefined, () => undefined]
  /** What files were, from a revision on. */
  readonly #states: { readonly revision: number; readonly files: readonly (ConfigFile | undefined)[] }[] = [
    { revision: 0, files: [] },
  ]
  readonly #actors: readonly Actor[]
  /** What went wrong. */
  readonly faults: string[] = []
  told = 0

  constructor(cacheMaxBytes: number) {
    this.#members = [0, 1].map(() => fedMember(this.#feeder, { cacheMaxBytes }))
    this.#actors = kinds.map((kind, nth) => ({
      ...{ kind, client: {}, interest: interestAt(nth), member: this.#memberAt(0), watch: undefined },
      ...{ listening: undefined, isAsking: false, revision: 0 },
      ...{ says: 'versionAndMd5', had: new Map<string, Had>() },
    }))
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      this.#step(step)
      for (const member of this.#members) await settle(member, 2)
    }
    await this.#end()
  }

  /** Everybody sees everything, and asks until there is nothing more. */
  async #end(): Promise<void> {
    this.#free.forEach((free) => free())
    for (const member of this.#members) {
      member.gate = undefined
      member.take()
    }
    for (let round = 0; round < 12; round++) {
      for (const actor of this.#actors) this.#ask(actor)
      for (const member of this.#members) await settle(member, 2)
    }
    for (const actor of this.#actors) {
      if (actor.watch === undefined && actor.listening === undefined && actor.kind !== 'poll') continue
      if (!actor.isAsking && actor.kind !== 'listener') this.faults.push('does not come to an end')
      for (const nth of actor.interest.covers) this.#checkEnd(actor, nth)
    }
    for (const { hub } of this.#members) {
      hub.close()
      const { watchers, polls } = hub.counters
      if (watchers + polls + hub.lagging.size > 0) this.faults.push('somebody is left')
    }
    for (const { view } of this.#members) {
      for (const { watchers, newest } of view.groupEntries()) {
        if (watchers !== undefined || newest !== undefined) this.faults.push('a group is left')
      }
    }
    await settle(this.#memberAt(0))
  }

  #checkEnd({ client, had, says }: Actor, nth: number): void {
    const seen = this.#seen(nth, client, Infinity)
    const has = had.get(pathAt(nth))
    const isRight =
      has?.info?.md5 === seen?.md5 &&
      (has?.info === undefined || says === 'md5' || has.info.tags['t'] === seen?.tags['t'])
    if (!isRight) this.faults.push(`${pathAt(nth)} ends with ${has?.info?.version}, not ${seen?.version}`)
  }

  #step(step: Step): void {
    switch (step.type) {
      case 'write':
        this.#write(step)
        return
      case 'take': {
        const member = this.#memberAt(step.member)
        member.take(Math.min(this.#feeder.revision, Math.max(1, member.view.revision) + step.count))
        return
      }
      case 'gate':
        this.#free[step.member]?.()
        this.#memberAt(step.member).gate = step.isShut
          ? new Promise((resolve) => (this.#free[step.member] = resolve))
          : undefined
        return
      case 'come': {
        const actor = this.#actorAt(step.actor)
        if (actor.kind === 'poll' && actor.isAsking) return
        actor.client = clients[step.client] ?? {}
        actor.interest = interestAt(step.interest)
        actor.had.clear()
        actor.revision = 0
        this.#open(actor, step.member, 'versionAndMd5')
        return
      }
      case 'open':
        this.#open(this.#actorAt(step.actor), step.member, step.says)
        return
      case 'ask':
        this.#ask(this.#actorAt(step.actor))
        return
      case 'leave':
        this.#leave(this.#actorAt(step.actor))
        return
      case 'pass':
        for (const { environment } of this.#members) environment.clock.advance(60)
    }
  }

  #write({ how, file, content, tag, rule, encrypted }: Step & { readonly type: 'write' }): void {
    const feeder = this.#feeder
    const key = files[file] ?? expectNever()
    const now = feeder.file(key)
    const spec = { content: `content ${content}`, tags: { t: `${tag}` }, encrypted }
    const someRule = rules[rule] ?? {}
    if (how === 'save') feeder.save(key)
    else if (how === 'publish' && now?.gray === undefined) feeder.publish(key, spec)
    else if (how === 'gray' && now?.gray === undefined) feeder.grayPublish(key, { ...spec, rule: someRule })
    else if (how === 'rule') feeder.changeRule(key, someRule)
    else if (how === 'promote') feeder.promote(key)
    else if (how === 'stop') feeder.stop(key)
    else if (how === 'withdraw' && now?.release !== undefined && now.gray === undefined) feeder.withdraw(key)
    else if (how === 'delete') feeder.delete(key)
    const { revision } = feeder
    if (revision > (this.#states.at(-1)?.revision ?? 0)) {
      this.#states.push({ revision, files: files.map((one) => feeder.file(one)) })
    }
  }

  #leave(actor: Actor): void {
    if (actor.kind === 'poll') return
    actor.watch?.close()
    actor.listening?.close()
    actor.watch = undefined
    actor.listening = undefined
    actor.isAsking = false
  }

  #open(actor: Actor, member: number, says: Says): void {
    if (actor.kind === 'poll') {
      if (!actor.isAsking) actor.member = this.#memberAt(member)
      return
    }
    this.#leave(actor)
    actor.member = this.#memberAt(member)
    actor.says = says
    const known = this.#known(actor, says)
    const { targets } = actor.interest
    const afterRevision = says === 'md5' || says === 'versionAndRevision' ? actor.revision : undefined
    const { hub } = actor.member
    const query = { targets, client: actor.client, known, afterRevision }
    if (actor.kind === 'reader') actor.watch = hub.watch(query)
    else this.#listen(actor, (changed) => hub.startWatch(query, { changed, failed: ignore }))
  }

  #listen(actor: Actor, start: (changed: (batch: ChangeBatch) => void) => RunningWatch): void {
    const listening = start((batch) => {
      if (actor.listening === listening) this.#given(actor, batch)
      else this.faults.push('is told too early, or when he has left')
    })
    actor.listening = listening
  }

  #known(actor: Actor, says: Says): readonly Fingerprint[] {
    return Array.from(actor.had, ([path, had]) => {
      actor.had.set(path, { ...had, isGiven: false })
      const key = files.find((one) => filePath(one) === path) ?? expectNever()
      const md5 = had.info?.md5 ?? ''
      if (had.info === undefined || says === 'versionAndMd5') return { ...key, version: had.version, md5 }
      return says === 'md5' ? { ...key, md5 } : { ...key, version: had.version }
    })
  }

  #ask(actor: Actor): void {
    if (actor.isAsking) return
    const { member, watch } = actor
    if (actor.kind === 'poll') {
      const { targets } = actor.interest
      const known = this.#known(actor, 'versionAndMd5')
      actor.isAsking = true
      void member.hub
        .poll({ targets, client: actor.client, known }, { timeoutMs: 50 })
        .then((result) => this.#polled(actor, result), ignore)
      return
    }
    if (watch === undefined) return
    actor.isAsking = true
    void watch[Symbol.asyncIterator]()
      .next()
      .then(({ value }) => {
        if (actor.watch !== watch || value === undefined) return
        actor.isAsking = false
        this.#given(actor, value)
      }, ignore)
  }

  #given(actor: Actor, { changes, revision }: ChangeBatch): void {
    for (const change of changes) {
      const key = change.type === 'released' ? change.release : change.key
      const info = change.type === 'released' ? change.release : undefined
      if (info !== undefined && !info.content.startsWith('content ')) this.faults.push('a content is sealed')
      this.#take(actor, { path: filePath(key), info, revision })
    }
    this.#checkAll(actor, revision)
  }

  #polled(actor: Actor, result: PollResult): void {
    actor.isAsking = false
    if (result.type === 'unchanged') return
    for (const change of result.changes) {
      const info = change.type === 'released' ? change.info : undefined
      this.#take(actor, { path: filePath(change.key), info, revision: result.revision })
    }
    this.#checkAll(actor, result.revision)
  }

  #take(
    actor: Actor,
    told: { readonly path: string; readonly info: ReleaseInfo | undefined; readonly revision: number },
  ): void {
    const { path, info, revision } = told
    this.told++
    const had = actor.had.get(path)
    const version = info?.version ?? had?.version ?? 0
    const nth = files.findIndex((one) => filePath(one) === path)
    if (!actor.interest.covers.includes(nth)) this.faults.push(`${path} is not watched`)
    if (version < (had?.version ?? 0)) this.faults.push(`${path} goes back to ${version}`)
    if (info === undefined && had?.info === undefined) this.faults.push(`${path} goes twice`)
    if (info !== undefined && had?.info !== undefined && isNeedless(had.info, info, had.isGiven)) {
      this.faults.push(`${path} is told twice: ${had.version}, ${version}`)
    }
    if (!this.#wasSeen(actor, { nth, revision, version: info?.version })) {
      this.faults.push(`${path}@${version} was not seen by then`)
    }
    actor.had.set(path, { version, info, isGiven: true })
    actor.revision = Math.max(actor.revision, revision)
  }

  /** Everything up to a revision is said to be told. */
  #checkAll(actor: Actor, revision: number): void {
    const { view } = actor.member
    for (const nth of actor.interest.covers) {
      const had = actor.had.get(pathAt(nth))
      const file = files[nth] ?? expectNever()
      // What its client has seen may be ahead of this member.
      const isAhead = had !== undefined && !had.isGiven
      if (isAhead || this.#hasSame(actor, { nth, revision, info: had?.info })) continue
      this.faults.push(`of ${filePath(file)} not everything up to ${revision} is told at ${view.revision}`)
    }
  }

  /** Whether a client saw a version at a revision or since, as far as its member knows. */
  #wasSeen(
    { client, member }: Actor,
    {
      nth,
      revision,
      version,
    }: { readonly nth: number; readonly revision: number; readonly version: number | undefined },
  ): boolean {
    return this.#seenBetween(nth, client, [revision, member.view.revision]).some(
      (info) => info?.version === version,
    )
  }

  #hasSame(
    { client, member }: Actor,
    {
      nth,
      revision,
      info,
    }: { readonly nth: number; readonly revision: number; readonly info: ReleaseInfo | undefined },
  ): boolean {
    return this.#seenBetween(nth, client, [revision, member.view.revision]).some(
      (seen) => seen?.md5 === info?.md5 && seen?.tags['t'] === info?.tags['t'],
    )
  }

  #seenBetween(
    nth: number,
    client: ConfigClient,
    [from, to]: readonly [number, number],
  ): readonly (ReleaseInfo | undefined)[] {
    const seen = [this.#seen(nth, client, from)]
    for (const { revision } of this.#states) {
      if (revision > from && revision <= to) seen.push(this.#seen(nth, client, revision))
    }
    return seen
  }

  #seen(nth: number, client: ConfigClient, revision: number): ReleaseInfo | undefined {
    const file = this.#states.findLast((state) => state.revision <= revision)?.files[nth]
    if (file?.gray === undefined) return file?.release
    return compileRule(file.gray.rule)(client, pathAt(nth)) ? file.gray : file.release
  }

  #memberAt(nth: number): FedMember {
    return this.#members[nth] ?? expectNever()
  }

  #actorAt(nth: number): Actor {
    return this.#actors[nth] ?? expectNever()
  }
}

/** Whether somebody is told what he has. Of what he had before he came, the hub knows only what he says. */
function isNeedless(had: ReleaseInfo, info: ReleaseInfo, isGiven: boolean): boolean {
  const isSame = had.md5 === info.md5 && had.tags['t'] === info.tags['t']
  return isSame && (isGiven || had.version === info.version)
}

function pathAt(nth: number): string {
  return filePath(files[nth] ?? expectNever())
}

function interestAt(nth: number): (typeof interests)[number] {
  return interests[nth % interests.length] ?? expectNever()
}

function ignore(): void {
  // The watch has ended.
}

function expectNever(): never {
  throw new Error('there is one')
}
