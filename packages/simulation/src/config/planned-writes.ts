import type {
  AuditAction,
  ConfigFile,
  ConfigHub,
  FileKey,
  Group,
  GroupKey,
  Release,
  WriteOptions,
} from '@orrery/config-hub'
import type { Random } from '@orrery/environment'
import { chance } from '../time/draw.ts'
import type { AskedWrite } from './config-ledger.ts'
import { drawContent, drawRule, drawTags } from './config-names.ts'

/** What a hub answers to a write. Undefined: nothing but that it was done. */
export type WriteAnswer = ConfigFile | Release | Group | undefined

/** A write that is about to be asked for. */
export interface PlannedWrite {
  readonly action: AuditAction
  readonly asked: Pick<AskedWrite, 'content' | 'tags' | 'rule' | 'from'>
  readonly call: (options: WriteOptions) => Promise<WriteAnswer>
}

/** How likely what is when nothing is gray, and when something is. */
const usual = { publish: 30, save: 10, draft: 12, rollback: 9, withdraw: 6, delete: 8, gray: 18, discard: 4 }
const whileGray = {
  changeRule: 25,
  promote: 20,
  stop: 25,
  save: 8,
  delete: 6,
  discard: 2,
  publish: 3,
  gray: 3,
}

type Kind = keyof typeof usual | keyof typeof whileGray

/** What somebody does to a file next: mostly something that can be done. */
export function drawFileWrite(random: Random, hub: ConfigHub, key: FileKey): PlannedWrite {
  const file = hub.files.get(key)
  const kind = chance(random, 0.05)
    ? drawKind(random, { ...usual, ...whileGray })
    : drawKind(random, file?.gray === undefined ? usual : whileGray)
  return plans[kind](random, hub, { key, latestVersion: file?.latestVersion ?? 0 })
}

/** The same of a group. */
export function drawGroupWrite(random: Random, hub: ConfigHub, key: GroupKey): PlannedWrite {
  const comment = `c${random.below(100)}`
  const known = hub.groups.get(key)
  const isOdd = chance(random, 0.1)
  if ((known === undefined) !== isOdd) {
    return write('groupCreated', {}, (options) => hub.groups.create(key, { comment }, options))
  }
  return chance(random, 0.5)
    ? write('groupChanged', {}, (options) => hub.groups.update(key, { comment }, options))
    : write('groupDeleted', {}, (options) => done(hub.groups.delete(key, options)))
}

/** A release that somebody can ask for at any time. */
export function planPublish(hub: ConfigHub, key: FileKey, content: string): PlannedWrite {
  return write('published', { content }, (options) => hub.releases.publish(key, { content }, options))
}

interface Subject {
  readonly key: FileKey
  readonly latestVersion: number
}

const plans: Record<Kind, (random: Random, hub: ConfigHub, subject: Subject) => PlannedWrite> = {
  publish: (random, hub, { key }) => {
    const spec = drawSpec(random, key)
    return write('published', spec, (options) => hub.releases.publish(key, spec, options))
  },
  save: (random, hub, { key }) => {
    const spec = drawSpec(random, key)
    return write('draftSaved', spec, (options) => hub.files.save(key, spec, options))
  },
  draft: (_, hub, { key }) => write('published', {}, (options) => hub.releases.publish(key, {}, options)),
  rollback: (random, hub, { key, latestVersion }) => {
    const from = Math.max(1, latestVersion - random.below(4))
    return write('rolledBack', { from }, (options) => hub.releases.rollback(key, from, options))
  },
  withdraw: (_, hub, { key }) => write('withdrawn', {}, (options) => hub.releases.withdraw(key, options)),
  delete: (_, hub, { key }) => write('fileDeleted', {}, (options) => done(hub.files.delete(key, options))),
  discard: (_, hub, { key }) =>
    write('draftDiscarded', {}, (options) => hub.files.discardDraft(key, options)),
  gray: (random, hub, { key }) => {
    const spec = { ...drawSpec(random, key), rule: drawRule(random) }
    return write('grayPublished', spec, (options) => hub.gray.publish(key, spec, options))
  },
  changeRule: (random, hub, { key }) => {
    const rule = drawRule(random)
    return write('grayRuleChanged', { rule }, (options) => hub.gray.changeRule(key, rule, options))
  },
  promote: (_, hub, { key }) => write('grayPromoted', {}, (options) => hub.gray.promote(key, options)),
  stop: (_, hub, { key }) => write('grayStopped', {}, (options) => hub.gray.stop(key, options)),
}

function write(action: AuditAction, asked: PlannedWrite['asked'], call: PlannedWrite['call']): PlannedWrite {
  return { action, asked, call }
}

function done(deletion: Promise<void>): Promise<undefined> {
  return deletion.then(() => undefined)
}

function drawSpec(
  random: Random,
  key: FileKey,
): { readonly content: string; readonly tags?: Record<string, string> } {
  const content = drawContent(random, key)
  return chance(random, 0.2) ? { content, tags: drawTags(random) } : { content }
}

function drawKind(random: Random, weights: Partial<Record<Kind, number>>): Kind {
  const entries = Object.entries(weights) as [Kind, number][]
  let left = random.below(entries.reduce((sum, [, weight]) => sum + weight, 0))
  for (const [kind, weight] of entries) {
    left -= weight
    if (left < 0) return kind
  }
  return 'publish'
}
