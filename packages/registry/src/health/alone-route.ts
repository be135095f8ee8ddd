import { RegistryError } from '../errors.ts'
import type { InstanceEntry } from '../view/instance-entry.ts'
import type { HeartbeatRoute } from './heartbeat-route.ts'

/** Of a registry that is the only one over its store: whatever it takes, it judges itself. */
export function createAloneRoute(beat: (entry: InstanceEntry) => void): HeartbeatRoute {
  return {
    start: () => Promise.resolve(),
    take: (entry) => {
      beat(entry)
      return 'ok'
    },
    receive: () => {
      throw new RegistryError('REGISTRY_UNAVAILABLE', 'this registry has no other members')
    },
    hindrance: () => undefined,
    lookUp: undefined,
    fence: () => [],
    setRing: () => {},
    forget: () => {},
    members: () => [{ name: '', address: '', self: true, reachable: undefined }],
    close: () => Promise.resolve(),
  }
}
