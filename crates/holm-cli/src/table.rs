//! Tables with aligned columns.

use crate::escape;
use crate::style::{Paint, Style};

/// The spaces between columns.
const GAP: &str = "  ";

/// Lines up rows under their headings. The last column is not padded, so it may hold any text.
pub(crate) fn render(headings: &[&str], rows: &[Vec<String>], style: Style) -> String {
    let escaped = |row: &Vec<String>| row.iter().map(|cell| escape::line(cell)).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(escaped).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        longest.max(
            headings
                .get(column)
                .map_or(0, |heading| heading.chars().count()),
        )
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut text = String::new();
    let titles: Vec<String> = headings
        .iter()
        .map(|heading| (*heading).to_owned())
        .collect();
    text.push_str(&style.paint(Paint::Quiet, &line(&titles, &widths)));
    text.push('\n');
    for row in &rows {
        text.push_str(&line(row, &widths));
        text.push('\n');
    }
    text
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        text.push_str(cell);
        let missing = width.saturating_sub(cell.chars().count());
        text.push_str(&" ".repeat(missing));
        text.push_str(GAP);
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_in_its_line() {
        let rows = [vec!["a\n\u{1b}[2J".to_owned(), "b".to_owned()]];
        assert_eq!(
            render(&["NAME", "URL"], &rows, Style::new(true)),
            "\u{1b}[2mNAME          URL\u{1b}[0m\na\\x0a\\x1b[2J  b\n"
        );
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            ("blog", "http://blog.localhost"),
            ("shop-2", "http://shop-2.localhost"),
        ]
        .map(|(name, url)| vec![name.to_owned(), url.to_owned()]);
        assert_eq!(
            render(&["NAME", "URL"], &rows, Style::new(false)),
            "NAME    URL\nblog    http://blog.localhost\nshop-2  http://shop-2.localhost\n"
        );
    }
}
