declare module '@novnc/novnc' {
  type Events = {
    connect: CustomEvent
    disconnect: CustomEvent<{ clean: boolean }>
    securityfailure: CustomEvent<{ status: number; reason?: string }>
  }
  export default class RFB {
    constructor(target: HTMLElement, channel: WebSocket, options?: { shared?: boolean })
    scaleViewport: boolean
    background: string
    addEventListener<K extends keyof Events>(name: K, listener: (event: Events[K]) => void): void
    sendCtrlAltDel(): void
    focus(): void
    disconnect(): void
  }
}
