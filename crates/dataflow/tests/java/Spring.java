package app;

import java.io.InputStream;
import java.net.InetAddress;
import java.net.URL;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
class Spring {
    private final DataSource source;

    Spring(DataSource source) {
        this.source = source;
    }

    @GetMapping("/greeting")
    public String badGreeting(@RequestParam String name) {
        return "<p>" + name + "</p>";
    }

    /** An address in digits holds no markup. */
    @GetMapping("/address")
    public String goodAddress(@RequestParam String host) throws Exception {
        return InetAddress.getByName(host).getHostAddress();
    }

    @GetMapping("/helped")
    public int goodHelped(@RequestParam String name) {
        return goodHelper(name).length();
    }

    /** Annotated, but no handler: nobody sends what it returns. */
    @Deprecated
    private static String goodHelper(String name) {
        return "<p>" + name + "</p>";
    }

    @PostMapping("/fetch-any")
    public int badPattern(@RequestParam String url) throws Exception {
        if (url.matches("https://.*/feed")) {
            try (InputStream in = new URL(url).openStream()) {
                return in.read();
            }
        }
        return 0;
    }

    @PostMapping("/rows")
    public int badRows(@RequestParam String name) throws SQLException {
        try (Connection connection = source.getConnection()) {
            Statement statement = connection.createStatement();
            return statement.executeUpdate("delete from t where name = '" + name + "'");
        }
    }

    @PostMapping("/rows-of-var")
    public int badRowsOfVar(@RequestParam String name) throws SQLException {
        try (var connection = source.getConnection()) {
            var statement = connection.createStatement(1, 2);
            return statement.executeUpdate("delete from t where name = '" + name + "'");
        }
    }
}
