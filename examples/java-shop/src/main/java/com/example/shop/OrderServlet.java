package com.example.shop;

import jakarta.servlet.ServletException;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.InputStream;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Properties;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPath;
import javax.xml.xpath.XPathFactory;
import org.w3c.dom.Document;

/** Takes orders as XML. */
@WebServlet("/orders")
public class OrderServlet extends HttpServlet {
    @Override
    protected void doPost(HttpServletRequest request, HttpServletResponse response)
            throws ServletException, IOException {
        try {
            DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
            Document order = factory.newDocumentBuilder().parse(request.getInputStream());
            String item = request.getParameter("item");
            XPath xpath = XPathFactory.newInstance().newXPath();
            String amount = xpath.evaluate("/order/item[@id='" + item + "']/@amount", order);
            response.setContentType("text/plain");
            response.getWriter().print(Integer.parseInt(amount));
        } catch (Exception e) {
            throw new ServletException(e);
        }
    }

    /** Both algorithms come from the properties file: one is weak, one is not. */
    static byte[][] digests(byte[] text) throws IOException, GeneralSecurityException {
        Properties settings = new Properties();
        try (InputStream in = OrderServlet.class.getClassLoader().getResourceAsStream("shop.properties")) {
            settings.load(in);
        }
        MessageDigest receipt = MessageDigest.getInstance(settings.getProperty("receipt.digest"));
        MessageDigest order = MessageDigest.getInstance(settings.getProperty("order.digest"));
        return new byte[][] {receipt.digest(text), order.digest(text)};
    }
}
