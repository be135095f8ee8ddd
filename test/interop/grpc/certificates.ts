import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runProgram } from './run-program.ts'

/** Files in PEM: a certificate and its private key. */
export interface IdentityFiles {
  readonly cert: string
  readonly key: string
}

/** Who signs certificates. */
export interface AuthorityFiles extends IdentityFiles {
  /** Issues a certificate for `localhost` and `127.0.0.1`. */
  issue(name: string): Promise<IdentityFiles>
}

const openssl = (...args: readonly string[]): Promise<Buffer> =>
  runProgram({ name: 'openssl', debianPackage: 'openssl' }, args)

const newKey = (file: string): Promise<Buffer> =>
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', file)

/** Founds an authority whose files, and those of whom it issues certificates for, are in `directory`. */
export async function createAuthority(directory: string, name: string): Promise<AuthorityFiles> {
  const filesOf = (owner: string): IdentityFiles => ({
    cert: join(directory, `${owner}.pem`),
    key: join(directory, `${owner}.key`),
  })
  const ca = filesOf(name)
  await newKey(ca.key)
  await openssl('req', '-x509', '-new', '-key', ca.key, '-subj', `/CN=${name}`, '-days', '2', '-out', ca.cert)

  const issue = async (owner: string): Promise<IdentityFiles> => {
    const files = filesOf(owner)
    const request = join(directory, `${owner}.csr`)
    const extensions = join(directory, `${owner}.extensions`)
    await newKey(files.key)
    await openssl('req', '-new', '-key', files.key, '-subj', `/CN=${owner}`, '-out', request)
    await writeFile(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
    await openssl(
      ...['x509', '-req', '-in', request, '-CA', ca.cert, '-CAkey', ca.key, '-CAcreateserial'],
      ...['-days', '2', '-extfile', extensions, '-out', files.cert],
    )
    return files
  }
  return { ...ca, issue }
}
