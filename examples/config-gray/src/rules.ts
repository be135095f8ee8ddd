// #region readme
import type { ConfigHub, FileKey, GrayRule } from '@orrery/config-hub'

/** Who sees a gray release, by one rule after the other. */
export async function showRules(hub: ConfigHub, file: FileKey): Promise<void> {
  const office: GrayRule = { addresses: ['10.1.0.0/16', '2001:db8::/32'] }
  await hub.gray.publish(file, { content: 'cart: newest\n', rule: office }, { actor: 'ben' })
  const seenAt = (address: string): string => hub.peek({ ...file, client: { address } })?.origin ?? 'nothing'
  console.log('10.1.2.3 sees', seenAt('10.1.2.3'), 'and 10.2.2.3', seenAt('10.2.2.3'))

  // The same ones each time: more percent only add to them.
  const clients = Array.from({ length: 1_000 }, (_, n) => ({ ...file, client: { id: `client-${n}` } }))
  for (const percent of [10, 50]) {
    await hub.gray.changeRule(file, { percent }, { actor: 'ben' })
    const seen = clients.filter((client) => hub.peek(client)?.version === hub.files.get(file)?.gray?.version)
    console.log(`${percent} %: ${seen.length} of ${clients.length}`)
  }
  const { release } = await hub.gray.stop(file, { actor: 'ben', reason: 'it does not work' })
  console.log('version', release?.version, 'is version', release?.from, 'again')
}
// #endregion readme
