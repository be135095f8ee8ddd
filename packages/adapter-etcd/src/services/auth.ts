import { EtcdError } from '../errors.ts'
import type { Server } from './server.ts'
import type { AuthService } from './services.ts'

/** The auth revision of an etcd server on which nobody ever changed anything. */
const initialRevision = 1

/** Creates the service of users and roles, of which there are none: authentication is off. */
export function authService(server: Server): AuthService {
  return {
    authStatus: server.unary(() =>
      Promise.resolve({ header: server.header(), enabled: false, authRevision: initialRevision }),
    ),
    authDisable: server.unary(() => Promise.resolve({ header: server.header() })),
    authenticate: server.unary(() => Promise.reject(new EtcdError('ETCD_AUTH_NOT_ENABLED'))),
  }
}
