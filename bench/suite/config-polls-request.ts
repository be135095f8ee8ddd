/** Where polls go. */
export const pollPath = '/config/v1/poll'

/** What is polled for. */
export const watched = { namespace: 'default', group: 'shop', file: 'application.properties' }

/** A request of HTTP/1.1 on a connection that stays open. */
export function postOf(path: string, type: string, body: string): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: bench',
    `content-type: ${type}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/** A poll of a client that has a version, and was told everything up to a revision. */
export function pollOf({
  version,
  revision,
}: {
  readonly version: number
  readonly revision: number
}): Buffer {
  const query = {
    targets: [watched],
    known: [{ ...watched, version }],
    client: { id: 'till-7', labels: { env: 'production' } },
    timeoutMs: 600_000,
    ...(revision > 0 && { afterRevision: revision }),
  }
  return postOf(pollPath, 'application/json', JSON.stringify(query))
}
