#[cfg(test)]
mod tests {
    #[test]
    fn good() {}

    #[test]
    fn wrong() {
        assert_eq!(1 + 2, 4);
    }
}
