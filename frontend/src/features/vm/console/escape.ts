/** The chord that leaves a console, as in `virsh console`: all other keys, Tab too, are the guest's. */
export const ESCAPE = 'Ctrl+]'

export const isEscape = ({ ctrlKey, code, key }: KeyboardEvent) => ctrlKey && (key === ']' || code === 'BracketRight')
