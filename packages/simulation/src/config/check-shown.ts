import type { ConfigClient, ConfigHub, FileKey } from '@orrery/config-hub'
import type { ConfigWorld } from './config-world.ts'
import { isSameRelease } from './same-release.ts'
import { pathOf } from './stored-config.ts'

/** What is looked at, where, and by whom. */
export interface ShownPlace {
  readonly hub: ConfigHub
  readonly by: string
  readonly key: FileKey
  readonly client: ConfigClient
}

/** Looks at what a hub shows: it is what was so at the revision up to which it says that it has seen everything. */
export function checkShown({ history }: ConfigWorld, { hub, by, key, client }: ShownPlace): void {
  const { revision } = hub.stats()
  const path = pathOf(key)
  const shown = hub.peek({ ...key, client })
  const file = hub.files.get(key)
  history.when(revision, () => {
    const moment = history.at(path, revision)
    const seen = history.seen(path, client, moment)
    const isRight =
      shown === undefined ? seen === undefined : seen !== undefined && isSameRelease(seen, shown)
    if (!isRight)
      return `${by} was shown ${shown ? `version ${shown.version}` : 'nothing'} of ${path} at ${revision}, not ${seen ? `version ${seen.version}` : 'nothing'}`
    if (file?.revision === (moment.file === undefined ? undefined : moment.changedRevision)) return undefined
    return `${by} was shown ${path} of ${file?.revision ?? 'no revision'} at ${revision}, not of ${moment.changedRevision}`
  })
}
