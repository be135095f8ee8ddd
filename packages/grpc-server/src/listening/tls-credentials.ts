import { ServerCredentials } from '@grpc/grpc-js'

/** What a server proves itself with. PEM, as text or bytes. */
export interface TlsCredentialsOptions {
  /** The certificate, with intermediate ones behind it. */
  readonly cert: string | Buffer
  readonly key: string | Buffer
  /**
   * Who signs the certificates of clients: then each client has to have one.
   * @defaultValue clients need none
   */
  readonly clientCa?: string | Buffer | undefined
}

/**
 * Credentials whose certificates can be replaced while a server listens: connections that begin later get the new
 * ones. `createGrpcServer` and grpc-js take them alike.
 */
export class TlsCredentials extends ServerCredentials {
  constructor(options: TlsCredentialsOptions) {
    const mutual = options.clientCa !== undefined
    super({ requestCert: mutual, rejectUnauthorized: mutual, minVersion: 'TLSv1.2' }, contextOf(options))
  }

  /** Replaces the certificates. Whether clients need one stays as it was. */
  update(options: TlsCredentialsOptions): void {
    this.updateSecureContextOptions(contextOf(options))
  }

  /** Whether these are the same credentials. grpc-js asks before it binds a port twice. */
  override _equals(other: ServerCredentials): boolean {
    return this === other
  }
}

function contextOf({ cert, key, clientCa }: TlsCredentialsOptions) {
  return { cert, key, ...(clientCa === undefined ? {} : { ca: clientCa }) }
}
