export const THEME_KEY = 'novacron.theme'

/** Runs before the first paint, so that a chosen theme does not flash in the other one. */
export const themeScript = `try{const t=localStorage.getItem(${JSON.stringify(THEME_KEY)});if(t==='light'||t==='dark')document.documentElement.dataset.theme=t}catch{}`
