import type { AuditEntry, ConfigHub, FileKey } from '@orrery/config-hub'
import type { Random } from '@orrery/environment'
import type { StoreMachine } from '../store/store-machine.ts'
import { checkShown } from './check-shown.ts'
import { configFiles, configGroups, drawClient } from './config-names.ts'
import type { ConfigWorld } from './config-world.ts'
import { groupPathOf, pathOf } from './stored-config.ts'

/** How long a member may take to say what it has. Unit: ms. */
const patienceMs = 5_000
/** Clients that look at each file. */
const lookers = 4

/** A member, and who uses it. */
interface Place {
  readonly machine: StoreMachine
  readonly hub: ConfigHub
}

/** What must hold when everything works again, and nobody writes any more. */
export class ConfigDemands {
  readonly #world: ConfigWorld
  readonly #random: Random

  constructor(world: ConfigWorld) {
    this.#world = world
    this.#random = world.cluster.simulation.random.fork('config demands')
  }

  /** Every member has a hub that has seen everything, and what it shows is what is so. Takes effect within some seconds. */
  require(members: number): void {
    const { cluster, host, history } = this.#world
    const { running } = host
    if (running.length < members) cluster.fail(`only ${running.length} hubs run again`)
    if (history.awaited !== undefined)
      cluster.fail(`somebody was told of revision ${history.awaited}, which is not there`)
    for (const place of running) {
      this.#requireShown(place)
      void this.#requireStored(place)
    }
  }

  #requireShown({ machine: { name }, hub }: Place): void {
    const { cluster, history } = this.#world
    const { revision, groups, files } = hub.stats()
    if (revision !== history.revision) cluster.fail(`${name} is at ${revision}, not at ${history.revision}`)
    const there = history.paths.filter((path) => history.at(path, revision).file !== undefined).sort()
    const listed = hub.files.list({ limit: 10_000 })
    const names = listed.items.map(pathOf)
    if (String(names.toSorted()) !== String(there) || listed.total !== there.length || files !== there.length)
      cluster.fail(`${name} lists ${names.join()} (${files}), where ${there.join()} are`)
    const listedGroups = hub.groups.list({ limit: 10_000 }).items.map(groupPathOf)
    const groupsThere = history.groups
    if (String(listedGroups.toSorted()) !== String(groupsThere.toSorted()) || groups !== groupsThere.length)
      cluster.fail(`${name} lists ${listedGroups.join()} (${groups}), where ${groupsThere.join()} are`)
    for (const key of configFiles) {
      for (let n = 0; n < lookers; n++) {
        checkShown(this.#world, { hub, by: `the end at ${name}`, key, client: drawClient(this.#random) })
      }
    }
  }

  async #requireStored(place: Place): Promise<void> {
    const { cluster } = this.#world
    const answer = await place.machine.ask(patienceMs, async () => {
      await this.#requireTrail(place)
      for (const key of configFiles) await this.#requireFile(place, key)
    })
    if (answer.type === 'answered') return
    const reason = answer.type === 'refused' ? String(answer.error) : 'nothing'
    cluster.fail(`${place.machine.name} does not show what its store holds: ${reason}`)
  }

  /** The trail that a hub shows is the whole of it. */
  async #requireTrail({ machine: { name }, hub }: Place): Promise<void> {
    const { cluster, history } = this.#world
    const shown = await this.#trail(hub, {})
    const describe = (entry: Pick<AuditEntry, 'action' | 'revision' | 'reason'>): string =>
      `${entry.revision} ${entry.action} ${entry.reason}`
    const missing = difference(
      history.entries.map((entry) => describe({ ...entry, reason: entry.reason ?? '' })),
      shown.map(describe),
    )
    if (missing !== undefined)
      cluster.fail(`${name} and the history do not agree about ${missing} in the trail`)
    const subjects = [...configFiles, ...configGroups.map((group) => ({ ...group, file: '' }))]
    for (const subject of subjects) {
      const own = await this.#trail(hub, subject)
      const isInOrder = own.every(({ revision }, at) => revision > (own[at + 1]?.revision ?? 0))
      const all = shown.filter((entry) => pathOf(entry) === pathOf(subject))
      if (!isInOrder || own.length !== all.length)
        cluster.fail(`${name} mixes up the trail of ${pathOf(subject)}`)
    }
  }

  async #trail(hub: ConfigHub, of: Partial<FileKey>): Promise<readonly AuditEntry[]> {
    const entries: AuditEntry[] = []
    let after: string | undefined
    do {
      const { items, next } = await hub.audit.list({ ...of, after, limit: 1 + this.#random.below(300) })
      entries.push(...items)
      after = next
    } while (after !== undefined)
    return entries
  }

  /** Drafts and releases are what was written. */
  async #requireFile({ machine: { name }, hub }: Place, key: FileKey): Promise<void> {
    const { cluster, history } = this.#world
    const path = pathOf(key)
    const { file, draft } = history.at(path, history.revision)
    const shown = file === undefined ? undefined : await hub.files.draft(key)
    const kept = history.kept(path)
    const newest = file?.latestVersion ?? 0
    const edited = draft ?? (kept.includes(newest) ? history.content(path, newest) : undefined)
    if (shown?.content !== (file === undefined ? undefined : edited))
      cluster.fail(`${name} shows another draft of ${path}`)
    const { items } = await hub.releases.history(key, { limit: 10_000 })
    const versions = items.map(({ version }) => version).reverse()
    if (String(versions) !== String(kept))
      cluster.fail(`${name} shows the versions ${versions.join()} of ${path}, where ${kept.join()} are`)
    for (const version of kept) {
      const release = await hub.releases.get(key, version)
      if (release?.content !== history.content(path, version))
        cluster.fail(`${name} shows another content of version ${version} of ${path}`)
    }
  }
}

/** One that only one of two lists has. */
function difference(one: readonly string[], other: readonly string[]): string | undefined {
  const [ones, others] = [new Set(one), new Set(other)]
  return one.find((item) => !others.has(item)) ?? other.find((item) => !ones.has(item))
}
