// #region readme
import type { ConfigHub, FileKey } from '@orrery/config-hub'

/** Waits for the next release of a file, as clients do that cannot hold a watch: they ask, and say what they have. */
export async function nextVersion(hub: ConfigHub, file: FileKey): Promise<number | undefined> {
  const seen = hub.peek(file)
  const known = seen === undefined ? [] : [{ ...file, version: seen.version, md5: seen.md5 }]
  for (;;) {
    const answer = await hub.poll({ targets: [file], known }, { timeoutMs: 30_000 })
    if (answer.type === 'changed') return hub.peek(file)?.version
  }
}
// #endregion readme
