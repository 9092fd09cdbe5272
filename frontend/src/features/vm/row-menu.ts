import { Menu } from '@base-ui/react/menu'
import type { Subject } from './VMActions'

/** One menu serves all rows: a menu in each would cost half of the frames while scrolling. */
export const rowMenu = Menu.createHandle<Subject>()
