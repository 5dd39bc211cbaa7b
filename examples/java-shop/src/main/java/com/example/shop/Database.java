package com.example.shop;

import java.sql.Connection;
import java.sql.SQLException;
import javax.naming.InitialContext;
import javax.naming.NamingException;
import javax.sql.DataSource;

/** Connections to the shop's database. */
final class Database {
    private Database() {}

    static Connection open() throws SQLException {
        try {
            DataSource source = (DataSource) new InitialContext().lookup("java:comp/env/jdbc/shop");
            return source.getConnection();
        } catch (NamingException e) {
            throw new SQLException(e);
        }
    }
}
