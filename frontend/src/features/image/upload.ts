import { Fault, faultOfReply, unreachable } from '@/relay/fault'

/**
 * Sends a file to the place that `uploadImage` gave, telling the share that is sent. fetch cannot
 * tell how far a body is, so this is an XMLHttpRequest.
 */
export function sendFile(
  path: string,
  file: File,
  onShare: (share: number) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('PUT', path)
    request.setRequestHeader('content-type', 'application/octet-stream')
    request.upload.onprogress = ({ loaded, total }) => onShare(total ? loaded / total : 0)
    request.onload = () => (request.status < 300 ? resolve() : reject(faultOf(request)))
    request.onerror = () => reject(unreachable())
    request.onabort = () => reject(new Fault({ code: 'CANCELED', message: 'The upload was canceled.' }))
    signal.addEventListener('abort', () => request.abort())
    request.send(file)
  })
}

function faultOf(request: XMLHttpRequest): Fault {
  // What is not the API's own answer is that of a proxy on the way.
  const refused = new Fault({ code: 'UNAVAILABLE', message: `The upload was refused (HTTP ${request.status}).` })
  try {
    return faultOfReply(JSON.parse(request.responseText)) ?? refused
  } catch {
    return refused
  }
}
