package com.example.shop;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Random;
import javax.naming.NamingException;
import javax.naming.directory.DirContext;
import javax.naming.directory.InitialDirContext;
import javax.naming.directory.SearchControls;

/** Signs people in. */
@WebServlet("/account")
public class AccountServlet extends HttpServlet {
    @Override
    protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String user = request.getParameter("user");
        if (!isKnown(user) || !isRight(user, request.getParameter("password"))) {
            response.sendError(HttpServletResponse.SC_FORBIDDEN);
            return;
        }
        String token = Long.toHexString(new Random().nextLong());
        Cookie cookie = new Cookie("session-token", token);
        cookie.setMaxAge(3600);
        response.addCookie(cookie);
        response.sendRedirect(request.getParameter("next"));
    }

    private boolean isKnown(String user) {
        try {
            DirContext directory = new InitialDirContext();
            String filter = "(&(objectClass=person)(uid=" + user + "))";
            return directory.search("ou=people,dc=example,dc=com", filter, new SearchControls()).hasMore();
        } catch (NamingException e) {
            return false;
        }
    }

    private boolean isRight(String user, String password) {
        String query = "SELECT digest FROM accounts WHERE name = ?";
        try (Connection connection = Database.open();
                PreparedStatement statement = connection.prepareStatement(query)) {
            statement.setString(1, user);
            ResultSet rows = statement.executeQuery();
            return rows.next() && rows.getString(1).equals(digest(password));
        } catch (SQLException e) {
            return false;
        }
    }

    private static String digest(String password) {
        try {
            MessageDigest md = MessageDigest.getInstance("MD5");
            byte[] bytes = md.digest(password.getBytes(StandardCharsets.UTF_8));
            StringBuilder text = new StringBuilder();
            for (byte b : bytes) {
                text.append(String.format("%02x", b));
            }
            return text.toString();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
