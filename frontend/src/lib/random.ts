/** 128 random bits. `crypto.randomUUID` is kept from pages without TLS, so they are drawn by hand. */
export function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
