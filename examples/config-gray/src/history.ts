// #region readme
import type { ConfigHub, FileKey } from '@orrery/config-hub'

/** Goes back to the first version, and tells what happened. */
export async function tellHistory(hub: ConfigHub, file: FileKey): Promise<void> {
  const back = await hub.releases.rollback(file, 1, { actor: 'ann', reason: 'back to the old cart' })
  const { unified } = await hub.releases.diff(file, { from: 2, to: back.version })
  console.log(unified)

  const { items: releases } = await hub.releases.history(file)
  for (const { version, origin, from } of releases) {
    console.log(`${version} ${origin}${from === undefined ? '' : ` of ${from}`}`)
  }
  const { items: entries } = await hub.audit.list(file)
  for (const { action, actor, version, reason } of entries) {
    console.log([action, version, 'by', actor, reason].filter((word) => word !== '').join(' '))
  }
}
// #endregion readme
